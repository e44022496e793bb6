import fs, { readFileSync, writeFileSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { tryLockFile } from "../../src/disk/file-lock.ts";
import { LinkedLocks, removeDeadLock } from "../../src/disk/linked-locks.ts";
import { ErrNotFound } from "../../src/errors/classes.ts";
import { spawnChild } from "../content/support/spawn-child.ts";

let directory: string;
let locks: LinkedLocks;
/** As another store of the process has them. */
let others: LinkedLocks;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "linked-locks-"));
  locks = new LinkedLocks(directory);
  others = new LinkedLocks(directory);
});

afterEach(async () => {
  vi.restoreAllMocks();
  syncBuiltinESMExports();
  await rm(directory, { recursive: true, force: true });
});

/** Makes links fail, as on a file system that has none. */
function forbidLinks(): void {
  vi.spyOn(fs, "linkSync").mockImplementation(() => {
    throw Object.assign(new Error("EPERM: operation not permitted, link"), { code: "EPERM" });
  });
  syncBuiltinESMExports();
}

/** Adds one to the number in a file, if the lock of its name is free; returns what was added. */
async function addOne(file: string): Promise<number> {
  const release = locks.tryLock(basename(file));
  if (!release) return 0;
  await nextTurn();
  writeFileSync(file, String(Number(readFileSync(file, "utf8")) + 1));
  await nextTurn();
  release();
  return 1;
}

describe("LinkedLocks.tryLock()", () => {
  it("excludes others of the same name only, until it is released", () => {
    const release = locks.tryLock("a");
    const beside = locks.tryLock("b");
    expect(others.tryLock("a")).toBeUndefined();
    expect(others.tryLock("b")).toBeUndefined();
    release?.();
    const next = others.tryLock("a");
    release?.(); // again does nothing
    expect(next).toBeDefined();
    expect(locks.tryLock("a")).toBeUndefined();
    for (const each of [beside, next]) each?.();
  });

  it("excludes a lock file of the same path, and is excluded by it", () => {
    const path = join(directory, "a");
    const release = locks.tryLock("a");
    expect(tryLockFile(path, "exclusive")).toBeUndefined();
    expect(tryLockFile(path, "shared")).toBeUndefined();
    release?.();
    const file = tryLockFile(path, "shared");
    expect(file).toBeDefined();
    expect(locks.tryLock("a")).toBeUndefined();
    file?.();
    locks.tryLock("a")?.();
  });

  it("leaves nothing when the last lock is released", async () => {
    const releases = ["a", "b", "c"].map((name) => locks.tryLock(name));
    expect(await readdir(directory)).toHaveLength(4);
    for (const release of releases) release?.();
    expect(await readdir(directory)).toEqual([]);
  });

  it("takes what a killed process held, each name by itself", async () => {
    const names = ["a", "b", "c", "d"];
    const child = spawnChild(["hold links", directory, ...names]);
    expect(await child.line()).toBe("locked");
    expect(names.map((name) => locks.tryLock(name))).toEqual(names.map(() => undefined));
    await child.kill();

    const releases = names.map((name, at) => (at % 2 === 0 ? locks : others).tryLock(name));
    expect(releases.filter((release) => release)).toHaveLength(names.length);
    expect(names.map((name) => new LinkedLocks(directory).tryLock(name))).toEqual(names.map(() => undefined));

    for (const release of releases) release?.();
    expect(await readdir(directory)).toEqual([]);
  });

  it.each([
    ["is asked for", () => locks.tryLock("a")],
    ["is swept", () => removeDeadLock(join(directory, "a")) === "removed" || undefined],
  ])("stays with its holder when the name was another one's while it %s", async (_, ask) => {
    const release = others.tryLock("a");
    const dead = spawnChild(["hold links", directory, "dead"]);
    await dead.line();
    await dead.kill();
    const path = join(directory, "a");
    const kept = join(directory, "kept");
    const { statSync } = fs;
    let looks = 0;
    vi.spyOn(fs, "statSync").mockImplementation(((file: string, options: fs.StatSyncOptions) => {
      const looked = () => statSync(file, options);
      if (file !== path || ++looks > 2) return looked();
      if (looks === 1) {
        const found = looked();
        fs.renameSync(path, kept);
        fs.linkSync(join(directory, "dead"), path);
        return found;
      }
      fs.renameSync(kept, path);
      return looked();
    }) as typeof fs.statSync);
    syncBuiltinESMExports();
    expect(ask()).toBeUndefined();
    vi.restoreAllMocks();
    syncBuiltinESMExports();
    if (looks === 1) fs.renameSync(kept, path);
    expect(locks.tryLock("a")).toBeUndefined();
    release?.();
    locks.tryLock("a")?.();
    locks.tryLock("dead")?.();
  });

  it("works where no links can be made, beside those who can", () => {
    const linked = others.tryLock("b");
    forbidLinks();
    const release = locks.tryLock("a");
    expect(release).toBeDefined();
    expect(others.tryLock("a")).toBeUndefined();
    expect(locks.tryLock("b")).toBeUndefined();
    vi.restoreAllMocks();
    syncBuiltinESMExports();
    expect(others.tryLock("a")).toBeUndefined();
    release?.();
    others.tryLock("a")?.();
    linked?.();
    locks.tryLock("b")?.();
  });

  it("throws a typed error where no lock can be", async () => {
    expect(() => new LinkedLocks(join(directory, "missing")).tryLock("a")).toThrow(ErrNotFound);
    await mkdir(join(directory, "folder"));
    expect(() => locks.tryLock("folder")).toThrow();
    locks.tryLock("a")?.();
  });

  it("lets one in at a time, in every process, while others are killed", async () => {
    const counted = await mkdtemp(join(tmpdir(), "linked-counts-"));
    const files = ["a", "b", "c"].map((name) => join(counted, name));
    for (const file of files) writeFileSync(file, "0");
    const children = [1, 2].map(() => spawnChild(["count links", directory, "40", ...files]));
    for (let round = 0; round < 3; round++) {
      const held = spawnChild(["hold links", directory, `extra${round}`, "d"]);
      await held.line();
      await held.kill();
      for (let at = 0; at < 10; at += await addOne(files[0] ?? "")) await nextTurn();
    }
    for (const child of children) expect(await child.line()).toBe("done");
    expect(files.map((file) => readFileSync(file, "utf8"))).toEqual(["110", "80", "80"]);
    for (const child of children) await child.kill();
    await rm(counted, { recursive: true });
  });
});
