import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Clock } from "../../src/async/clock.ts";
import { lockFile, tryLockFile } from "../../src/disk/file-lock.ts";
import { ErrCanceled, ErrDataLoss, ErrFailedPrecondition, ErrNotFound } from "../../src/errors/classes.ts";
import { spawnChild } from "../content/support/spawn-child.ts";

/** What happens right after the next database is opened, before it is locked. */
const opened = vi.hoisted(() => ({ next: undefined as (() => void) | undefined }));

vi.mock("../../src/disk/sqlite.ts", async (importOriginal) => {
  const { openSqlite } = await importOriginal<typeof import("../../src/disk/sqlite.ts")>();
  return {
    openSqlite(...args: Parameters<typeof openSqlite>) {
      const database = openSqlite(...args);
      const next = opened.next;
      opened.next = undefined;
      next?.();
      return database;
    },
  };
});

let directory: string;
let path: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "file-lock-"));
  path = join(directory, "lock");
});

afterEach(() => rm(directory, { recursive: true, force: true }));

describe("tryLockFile()", () => {
  it("excludes every other holder in the process while exclusive", () => {
    const release = tryLockFile(path, "exclusive");

    expect(release).toBeDefined();
    expect(tryLockFile(path, "exclusive")).toBeUndefined();
    expect(tryLockFile(path, "shared")).toBeUndefined();

    release?.();
    const next = tryLockFile(path, "exclusive");
    expect(next).toBeDefined();
    next?.();
  });

  it("lets any number share and keeps the exclusive one out until the last has left", () => {
    const first = tryLockFile(path, "shared");
    const second = tryLockFile(path, "shared");
    expect(first).toBeDefined();
    expect(second).toBeDefined();
    expect(tryLockFile(path, "exclusive")).toBeUndefined();

    first?.();
    expect(tryLockFile(path, "exclusive")).toBeUndefined();

    second?.();
    const alone = tryLockFile(path, "exclusive");
    expect(alone).toBeDefined();
    alone?.();
  });

  it("does not touch the next holder's lock when released twice", () => {
    const release = tryLockFile(path, "exclusive", { removeOnRelease: true });
    release?.();
    const next = tryLockFile(path, "exclusive");
    release?.();

    expect(tryLockFile(path, "exclusive")).toBeUndefined();
    expect(existsSync(path)).toBe(true);
    next?.();
  });

  it("excludes other processes, until one is killed", async () => {
    const child = spawnChild(["hold", path, "exclusive"]);
    expect(await child.line()).toBe("locked");
    expect(tryLockFile(path, "exclusive")).toBeUndefined();
    expect(tryLockFile(path, "shared")).toBeUndefined();

    await child.kill();
    const release = tryLockFile(path, "exclusive");
    expect(release).toBeDefined();

    const late = spawnChild(["hold", path, "shared"]);
    expect(await late.line()).toBe("busy");
    await late.kill();
    release?.();
  });

  it("shares with another process", async () => {
    const child = spawnChild(["hold", path, "shared"]);
    expect(await child.line()).toBe("locked");
    const release = tryLockFile(path, "shared");
    expect(release).toBeDefined();
    expect(tryLockFile(path, "exclusive")).toBeUndefined();
    release?.();
    await child.kill();
  });

  it("leaves an empty file and nothing else, or nothing at all when told to", async () => {
    tryLockFile(path, "exclusive")?.();
    expect(await readdir(directory)).toEqual(["lock"]);
    expect(readFileSync(path)).toHaveLength(0);

    const release = tryLockFile(path, "exclusive", { removeOnRelease: true });
    expect(await readdir(directory)).toEqual(["lock"]);
    release?.();
    expect(await readdir(directory)).toEqual([]);
  });

  it("is not content with a file that was removed while it was being opened", () => {
    const first = tryLockFile(path, "exclusive", { removeOnRelease: true });
    let second: (() => void) | undefined;
    opened.next = () => {
      first?.();
      second = tryLockFile(path, "exclusive");
    };

    expect(tryLockFile(path, "exclusive")).toBeUndefined();

    expect(second).toBeDefined();
    second?.();
    const third = tryLockFile(path, "exclusive");
    expect(third).toBeDefined();
    third?.();
  });

  it("does not remove the file under those who share it", () => {
    const first = tryLockFile(path, "shared", { removeOnRelease: true });
    const second = tryLockFile(path, "shared");
    first?.();
    expect(existsSync(path)).toBe(true);
    expect(tryLockFile(path, "exclusive")).toBeUndefined();
    second?.();
  });

  it("holds on when the release is forgotten and the garbage collected", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    for (let index = 0; index < 10; index++) tryLockFile(`${path}${index}`, "exclusive");

    await nextTurn(); // weak things are let go between turns of the event loop
    collect();
    await nextTurn();

    for (let index = 0; index < 10; index++) {
      expect(tryLockFile(`${path}${index}`, "exclusive")).toBeUndefined();
    }
  });

  it("throws typed errors for paths that cannot hold a lock", async () => {
    await mkdir(join(directory, "taken"));
    await mkdir(join(directory, "file-parent"));
    writeFileSync(join(directory, "file"), "");
    writeFileSync(join(directory, "text"), "no lock file at all, ".repeat(100));

    expect(() => tryLockFile(join(directory, "missing", "lock"), "exclusive")).toThrow(ErrNotFound);
    expect(() => tryLockFile(join(directory, "taken"), "exclusive")).toThrow(/is a directory/);
    expect(() => tryLockFile(join(directory, "file", "lock"), "exclusive")).toThrow(ErrFailedPrecondition);
    expect(() => tryLockFile(join(directory, "text"), "exclusive")).toThrow(ErrDataLoss);
  });
});

describe("lockFile()", () => {
  it("waits ever longer, at random, up to two seconds at a time", async () => {
    const release = tryLockFile(path, "exclusive");
    const sleeps: number[] = [];
    const clock: Clock = {
      now: () => 0,
      elapsed: () => 0,
      sleep: async (ms) => {
        sleeps.push(ms);
        if (sleeps.length === 12) release?.();
      },
    };

    (await lockFile(path, { clock }))();

    expect(sleeps).toHaveLength(12);
    for (const [i, ms] of sleeps.entries()) expect(ms).toBeLessThanOrEqual(Math.min(2_048, 16 * 2 ** i));
    expect(Math.max(...sleeps)).toBeGreaterThan(16);
  });

  it("rejects with ErrCanceled when the signal fires", async () => {
    const release = tryLockFile(path, "exclusive");
    const controller = new AbortController();
    const waiting = lockFile(path, { signal: controller.signal });
    controller.abort();

    await expect(waiting).rejects.toThrow(ErrCanceled);
    release?.();
    await expect(lockFile(path, { signal: controller.signal })).rejects.toThrow(ErrCanceled);
    tryLockFile(path, "exclusive")?.();
  });

  it("lets one in at a time, while every holder removes the file", async () => {
    const counter = join(directory, "counter");
    writeFileSync(counter, "0");
    const children = [1, 2, 3].map(() => spawnChild(["count", path, counter, "60"]));
    for (let round = 0; round < 60; round++) {
      const release = await lockFile(path, { removeOnRelease: true });
      writeFileSync(counter, String(Number(readFileSync(counter, "utf8")) + 1));
      release();
    }
    for (const child of children) expect(await child.line()).toBe("done");

    expect(readFileSync(counter, "utf8")).toBe("240");
    for (const child of children) await child.kill();
    expect(await readdir(directory)).toEqual(["counter"]);
  });
});
