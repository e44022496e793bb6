import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Clock } from "../../src/async/clock.ts";
import { systemClock } from "../../src/async/clock.ts";
import {
  isTemporary,
  sweepTemporaryFiles,
  TEMPORARY_KEPT_MS,
  temporaryPath,
} from "../../src/disk/temporary-files.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "drayage-temporary-"));
});
afterEach(() => rm(root, { recursive: true }));

/** The time at which everything that is there now is left behind. */
const LATER: Clock = { ...systemClock, now: () => Date.now() + TEMPORARY_KEPT_MS + 60_000 };

async function age(path: string): Promise<void> {
  const then = (Date.now() - TEMPORARY_KEPT_MS) / 1_000;
  await utimes(path, then, then);
}

/** A process that replaces the files `names` over and over, from its first message on. */
async function writer(names: readonly string[]): Promise<ChildProcess> {
  const child = fork(new URL("writing-child.ts", import.meta.url), [root, ...names]);
  await once(child, "message");
  return child;
}

describe("temporaryPath()", () => {
  it("is beside its file, new each time, and recognized", () => {
    const path = temporaryPath("/root/index.json");
    expect(path).toMatch(/^\/root\/index\.json\.[0-9a-f]{12}\.tmp$/);
    expect(temporaryPath("/root/index.json")).not.toBe(path);
    expect(isTemporary(path)).toBe(true);
  });

  it.each([
    "index.json",
    ".0123456789ab.tmp",
    "a.tmp",
    "a.0123456789ab",
    "a.0123456789abc.tmp",
    "a.0123456789AB.tmp",
  ])("has nothing to do with %s", (name) => {
    expect(isTemporary(name)).toBe(false);
  });
});

describe("sweepTemporaryFiles()", () => {
  it("removes what has not changed for long, and what becomes a file that nobody writes", async () => {
    const [old, young, index] = ["old", "young", "index.json"].map((name) => basename(temporaryPath(name)));
    for (const name of [old, young, index, "file"]) await writeFile(join(root, name ?? ""), "x");
    for (const name of [old, "file"]) await age(join(root, name ?? ""));
    await sweepTemporaryFiles(root, { unwritten: ["index.json"] });
    expect(new Set(await readdir(root))).toEqual(new Set([young, "file"]));
  });

  it("has nothing to do where there is no directory", async () => {
    await sweepTemporaryFiles(join(root, "missing"));
  });

  it("leaves files that are written alone, and nothing of processes that are killed", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 4 }),
        async (turns) => {
          const survivor = await writer(["index.json", "mine"]);
          for (const sweeps of turns) {
            const killed = await writer(["index.json", "other"]);
            for (let swept = 0; swept < sweeps; swept++) await sweepTemporaryFiles(root);
            killed.kill("SIGKILL");
            await once(killed, "exit");
          }
          survivor.send("end");
          expect(await once(survivor, "exit")).toEqual([0, null]);
          await sweepTemporaryFiles(root, { clock: LATER });
          expect(
            (await readdir(root)).filter((name) => !["index.json", "mine", "other"].includes(name)),
          ).toEqual([]);
        },
      ),
      { numRuns: 3 },
    );
  });
});
