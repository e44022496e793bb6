import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DiskReserve } from "../../src/disk/disk-reserve.ts";
import { ErrNotFound, ErrResourceExhausted } from "../../src/errors.ts";

let folder: string;
let path: string;
let reserve: DiskReserve;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "drayage-reserve-"));
  path = join(folder, "locks", "reserve");
  reserve = new DiskReserve(path);
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const size = (): Promise<number> =>
  stat(join(path, "noise")).then(
    (file) => file.size,
    () => 0,
  );

describe("DiskReserve", () => {
  it("grows with what it is held for, and does not shrink", async () => {
    await reserve.hold(0);
    const first = await size();
    expect(first).toBeGreaterThanOrEqual(128 * 1024);
    await reserve.hold(1_000_000);
    const second = await size();
    expect(second).toBeGreaterThan(1_000_000);
    await reserve.hold(0);
    expect(await size()).toBe(second);
  });

  it("is not made anew for each name that is added", async () => {
    await reserve.hold(300);
    const { ino, mtimeMs } = await stat(join(path, "noise"));
    await reserve.hold(700);
    expect(await stat(join(path, "noise"))).toMatchObject({ ino, mtimeMs });
  });

  it("is given up when the work finds the disk full, which then is tried once more", async () => {
    await reserve.hold(0);
    let tries = 0;
    const result = await reserve.spend(async () => {
      tries++;
      if ((await size()) > 0) throw new ErrResourceExhausted("write: no space left on device");
      return "written";
    });
    expect([result, tries]).toEqual(["written", 2]);
  });

  it("has files as well, for disks that have room for no other", async () => {
    await reserve.hold(0);
    expect((await readdir(path)).length).toBeGreaterThan(16);
    await reserve.spend(async () => {
      if (await stat(path).catch(() => undefined))
        throw new ErrResourceExhausted("open: no space left on device");
    });
    await reserve.hold(0);
    expect((await readdir(path)).length).toBeGreaterThan(16);
  });

  it("is completed where a process was killed while it made it", async () => {
    await mkdir(path, { recursive: true });
    for (const number of [0, 3]) await writeFile(join(path, String(number)), "");
    await reserve.hold(0);
    expect((await readdir(path)).length).toBe(33);
  });

  it("takes the place of the file that it was before", async () => {
    await mkdir(join(folder, "locks"));
    await writeFile(path, "noise");
    await reserve.hold(0);
    expect(await size()).toBeGreaterThanOrEqual(128 * 1024);
  });

  it("does not help twice, nor against other failures", async () => {
    const full = new ErrResourceExhausted("write: no space left on device");
    await expect(reserve.spend(() => Promise.reject(full))).rejects.toBe(full);
    await reserve.hold(0);
    await expect(reserve.spend(() => Promise.reject(new ErrNotFound("gone")))).rejects.toThrow("gone");
    expect(await size()).toBeGreaterThan(0);
  });
});
