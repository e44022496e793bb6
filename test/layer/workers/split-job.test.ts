import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { digestOf } from "../../../src/digest/digest.ts";
import { ErrDataLoss, ErrInvalidArgument, ErrUnavailable } from "../../../src/errors/classes.ts";
import { isRetryable } from "../../../src/errors/predicates.ts";
import { PIECE_BYTES } from "../../../src/layer/decompress/sync-codec.ts";
import { findAbilities } from "../../../src/layer/unpack/find-abilities.ts";
import { DEFAULT_LIMITS } from "../../../src/layer/unpack/unpack-limits.ts";
import { JobState } from "../../../src/layer/workers/job-state.ts";
import { RING_PIECES } from "../../../src/layer/workers/piece-ring.ts";
import { runSplit } from "../../../src/layer/workers/split-job.ts";
import type { UnpackJob } from "../../../src/layer/workers/unpack-job.ts";
import { UnpackThread } from "../../../src/layer/workers/unpack-thread.ts";
import { writeTestTar } from "../../tar/support/tar-writer.ts";

/** More than there is room for between two threads. */
const BIG = Buffer.alloc((RING_PIECES + 4) * PIECE_BYTES, "content");
const ARCHIVE = writeTestTar([
  { name: "first", content: Buffer.from("1") },
  { name: "big", content: BIG },
]);

const DIES = new URL(
  `data:text/javascript,${encodeURIComponent(
    `import { parentPort } from "node:worker_threads"; parentPort.on("message", () => process.exit(3));`,
  )}`,
);

let folder: string;
let threads: UnpackThread[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "drayage-split-"));
  threads = [];
});

afterEach(async () => {
  await Promise.all(threads.map((thread) => thread.end()));
  rmSync(folder, { recursive: true });
});

function threadOf(file?: URL): UnpackThread {
  const thread = new UnpackThread({ file });
  threads.push(thread);
  return thread;
}

async function jobFor(blob: Buffer, more: Partial<UnpackJob> = {}): Promise<UnpackJob> {
  const [blobPath, directory] = [join(folder, "blob"), join(folder, "fs")];
  writeFileSync(blobPath, blob);
  mkdirSync(directory);
  const host = await findAbilities(folder);
  const diffId = digestOf(ARCHIVE);
  return { blobPath, size: blob.byteLength, diffId, directory, limits: DEFAULT_LIMITS, host, ...more };
}

describe("runSplit()", () => {
  it("unpacks a layer, and both threads do the next one", async () => {
    const [thread, helper] = [threadOf(), threadOf()];
    const job = await jobFor(gzipSync(ARCHIVE));
    for (let round = 0; round < 2; round++) {
      const state = new JobState();
      const outcome = await runSplit(job, state, { thread, helper });
      expect(outcome).toMatchObject({ diffId: job.diffId, entries: 2 });
      expect(state.progress).toEqual({ bytesIn: job.size, bytesOut: ARCHIVE.byteLength, entries: 2 });
      expect(readFileSync(join(job.directory, "big")).equals(BIG)).toBe(true);
      rmSync(job.directory, { recursive: true });
      mkdirSync(job.directory);
    }
  });

  it.each([
    ["who decompresses", () => ({ thread: threadOf(), helper: threadOf(DIES) })],
    ["who unpacks", () => ({ thread: threadOf(DIES), helper: threadOf() })],
    ["both", () => ({ thread: threadOf(DIES), helper: threadOf(DIES) })],
  ])("ends, and may be tried again, when it is %s that dies", async (_, pair) => {
    const job = await jobFor(ARCHIVE);
    const error: unknown = await runSplit(job, new JobState(), pair()).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ErrUnavailable);
    expect(isRetryable(error)).toBe(true);
  });

  it("is over for a helper that waits for bytes when the other thread is ended", async () => {
    const [thread, helper] = [threadOf(), threadOf()];
    const available = new SharedArrayBuffer(8);
    Atomics.store(new BigInt64Array(available), 0, 1_000_000n);
    const job = await jobFor(ARCHIVE, { available });
    const state = new JobState();
    const unpacking = runSplit(job, state, { thread, helper });
    unpacking.catch(() => {});
    while (state.progress.bytesOut < 900_000 || !state.isWaiting)
      await new Promise((resolve) => setImmediate(resolve));
    await thread.end();
    await expect(unpacking).rejects.toThrow(ErrUnavailable);
    expect(helper.isDead).toBe(false);
  });

  it("says of two faults the one that comes first in the layer, as one thread does", async () => {
    const bad = writeTestTar([{ name: "../a" }, { name: "big", content: BIG }]);
    const cut = gzipSync(bad, { level: 0 }).subarray(0, -9);
    const thread = threadOf();
    const helper = threadOf();
    const job = await jobFor(cut, { diffId: digestOf(bad) });
    await expect(runSplit(job, new JobState(), { thread, helper })).rejects.toThrow(ErrInvalidArgument);
    writeFileSync(job.blobPath, gzipSync(ARCHIVE).subarray(0, -9));
    const shorter = { ...job, size: gzipSync(ARCHIVE).byteLength - 9 };
    await expect(runSplit(shorter, new JobState(), { thread, helper })).rejects.toThrow(ErrDataLoss);
  });
});
