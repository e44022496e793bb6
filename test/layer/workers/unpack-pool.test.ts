import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { digestOf } from "../../../src/digest/digest.ts";
import {
  ErrCanceled,
  ErrDataLoss,
  ErrFailedPrecondition,
  ErrInvalidArgument,
  ErrNotFound,
  ErrResourceExhausted,
  ErrUnavailable,
} from "../../../src/errors/classes.ts";
import { findAbilities } from "../../../src/layer/unpack/find-abilities.ts";
import { findGnuTar } from "../../../src/layer/unpack/find-gnu-tar.ts";
import type { HostAbilities } from "../../../src/layer/unpack/host-abilities.ts";
import { DEFAULT_LIMITS } from "../../../src/layer/unpack/unpack-limits.ts";
import type { UnpackJob, UnpackProgress } from "../../../src/layer/workers/unpack-job.ts";
import { UnpackPool } from "../../../src/layer/workers/unpack-pool.ts";
import { type WrittenEntry, writeTestTar } from "../../tar/support/tar-writer.ts";
import { besidesOwners } from "../unpack/support/besides-owners.ts";

const FILES: WrittenEntry[] = Array.from({ length: 300 }, (_, at) => ({
  name: `d/${at}`,
  content: Buffer.alloc(20_000, String(at)),
}));
const ARCHIVE = writeTestTar([{ name: "d", flag: "5", mode: 0o755 }, ...FILES]);

/** Where there is no GNU tar, none is run. */
const canRunPrograms = (await findGnuTar()) !== undefined;

let folder: string;
let host: HostAbilities;
let count = 0;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "drayage-pool-"));
  host = await findAbilities(folder);
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A job for a blob with these bytes. */
function jobFor(blob: Uint8Array, more: Partial<UnpackJob> = {}): UnpackJob {
  const blobPath = join(folder, `blob-${++count}`);
  writeFileSync(blobPath, blob);
  const directory = join(folder, `fs-${count}`);
  mkdirSync(directory, { mode: 0o700 });
  const { size } = statSync(blobPath);
  return { blobPath, size, diffId: digestOf(ARCHIVE), directory, limits: DEFAULT_LIMITS, host, ...more };
}

describe.each([
  ["in threads", { workers: 2 }],
  ["in two threads for a layer", { workers: 2, splitFrom: 0 }],
  ["on the caller's thread", { workers: 0 }],
])("UnpackPool %s", (_, options) => {
  let pool: UnpackPool;

  beforeAll(() => {
    pool = new UnpackPool(options);
  });

  afterAll(() => pool[Symbol.asyncDispose]());

  it("unpacks layers side by side, whatever compresses them, and tells how far it is", async () => {
    const blobs = [ARCHIVE, gzipSync(ARCHIVE), zstdCompressSync(ARCHIVE), gzipSync(ARCHIVE)];
    const seen: UnpackProgress[] = [];
    const jobs = blobs.map((blob) => jobFor(blob, { digest: digestOf(blob) }));
    const outcomes = await Promise.all(
      jobs.map((job, at) =>
        pool.unpack(job, { onProgress: (progress) => void (at === 1 && seen.push(progress)) }),
      ),
    );
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({
        diffId: digestOf(ARCHIVE),
        entries: 301,
        bytes: 6_000_000,
      });
      expect(besidesOwners(outcome)).toEqual([]);
    }
    for (const { directory } of jobs) expect(statSync(join(directory, "d", "299")).size).toBe(20_000);
    expect(seen.at(-1)).toEqual({ bytesIn: jobs[1]?.size, bytesOut: ARCHIVE.byteLength, entries: 301 });
  });

  it.each<[string, new (message: string) => Error, () => UnpackJob]>([
    ["another diffID", ErrDataLoss, () => jobFor(gzipSync(writeTestTar([{ name: "a" }])))],
    ["another digest", ErrDataLoss, () => jobFor(gzipSync(ARCHIVE), { digest: digestOf("other") })],
    ["a blob that is too short", ErrDataLoss, () => jobFor(ARCHIVE, { size: ARCHIVE.byteLength + 1 })],
    ["a compression cut short", ErrDataLoss, () => jobFor(gzipSync(ARCHIVE).subarray(0, -9))],
    ["no blob", ErrNotFound, () => jobFor(ARCHIVE, { blobPath: join(folder, "none") })],
    [
      "a hostile entry",
      ErrInvalidArgument,
      () => {
        const archive = writeTestTar([{ name: "../a" }]);
        return jobFor(archive, { diffId: digestOf(archive) });
      },
    ],
    [
      "a bomb",
      ErrResourceExhausted,
      () =>
        jobFor(zstdCompressSync(Buffer.alloc(4_000_000)), {
          limits: { ...DEFAULT_LIMITS, maxBytes: 1_000_000 },
        }),
    ],
  ])("throws its own errors across the threads: %s", async (__, type, job) => {
    const unpacking = pool.unpack(job());
    await expect(unpacking).rejects.toThrow(type);
    await expect(unpacking).rejects.toThrow(/^(?:unpack layer|read blob|open blob|decompress)/);
    await expect(pool.unpack(jobFor(ARCHIVE))).resolves.toMatchObject({ entries: 301 });
  });

  it("makes nothing that waits for the end before the content has turned out to be right", async () => {
    const archive = writeTestTar([{ name: "pipe", flag: "6" }, { name: "a" }]);
    const job = jobFor(archive);
    await expect(pool.unpack(job)).rejects.toThrow("got diffID");
    expect(existsSync(join(job.directory, "pipe"))).toBe(false);
  });

  it("stops in the middle when the signal fires, and at once before", async () => {
    const blob = writeTestTar([{ name: "big", content: Buffer.alloc(8 * 1024 * 1024) }]);
    const controller = new AbortController();
    const job = jobFor(blob, { diffId: digestOf(blob), available: growing(1_000_000) });
    const unpacking = pool.unpack(job, { signal: controller.signal });
    await until(() => existsSync(join(job.directory, "big")));
    controller.abort();
    await expect(unpacking).rejects.toThrow(ErrCanceled);
    expect(statSync(join(job.directory, "big")).size).toBeLessThan(2_000_000);
    await expect(pool.unpack(jobFor(ARCHIVE), { signal: AbortSignal.abort() })).rejects.toThrow(ErrCanceled);
  });

  it("unpacks a blob while it grows", async () => {
    const blob = gzipSync(ARCHIVE);
    const half = Math.floor(blob.byteLength / 2);
    const available = growing(half);
    const job = jobFor(blob.subarray(0, half), { size: blob.byteLength, available });
    const unpacking = pool.unpack(job);
    await until(() => existsSync(join(job.directory, "d", "10")));
    appendFileSync(job.blobPath, blob.subarray(half));
    Atomics.store(new BigInt64Array(available), 0, BigInt(blob.byteLength));
    expect(await unpacking).toMatchObject({ entries: 301 });
  });

  it("unpacks others while those that were begun wait for bytes", async () => {
    const available = growing(100_000);
    const begun = [jobFor(ARCHIVE, { available }), jobFor(ARCHIVE, { available })];
    const unpacking = begun.map((job) => pool.unpack(job));
    await until(() => begun.every(({ directory }) => existsSync(join(directory, "d", "1"))));
    const others = [jobFor(ARCHIVE), jobFor(gzipSync(ARCHIVE))].map((job) => pool.unpack(job));
    expect(await Promise.all(others)).toMatchObject([{ entries: 301 }, { entries: 301 }]);
    Atomics.store(new BigInt64Array(available), 0, BigInt(ARCHIVE.byteLength));
    expect(await Promise.all(unpacking)).toMatchObject([{ entries: 301 }, { entries: 301 }]);
  });

  it("gives up a blob of which no more will come", async () => {
    const available = growing(100_000);
    const job = jobFor(ARCHIVE, { available });
    const unpacking = pool.unpack(job);
    unpacking.catch(() => {});
    await until(() => existsSync(join(job.directory, "d", "1")));
    Atomics.store(new BigInt64Array(available), 0, -1n);
    await expect(unpacking).rejects.toThrow(ErrDataLoss);
  });

  it("lets the event loop go on", async () => {
    let turns = 0;
    let isDone = false;
    const turn = (): void => {
      turns++;
      if (!isDone) setImmediate(turn);
    };
    setImmediate(turn);
    const blob = writeTestTar([{ name: "big", content: Buffer.alloc(64 * 1024 * 1024) }]);
    await pool.unpack(jobFor(zstdCompressSync(blob), { diffId: digestOf(blob) }));
    isDone = true;
    expect(turns).toBeGreaterThan(4);
  });

  it.runIf(canRunPrograms)("lets the event loop go on while GNU tar is at work", async () => {
    const [begun, goOn] = [join(folder, "begun"), join(folder, "go-on")];
    const tar = programOf(`touch ${begun}; until [ -e ${goOn} ]; do :; done; exec tar "$@"`);
    const blob = writeTestTar([{ name: "pipe", flag: "6" }]);
    const job = jobFor(blob, { diffId: digestOf(blob), host: { ...host, tar } });
    const unpacking = pool.unpack(job);
    await until(() => existsSync(begun));
    writeFileSync(goOn, "");
    expect(await unpacking).toMatchObject({ entries: 1, skipped: [] });
    expect(statSync(join(job.directory, "pipe")).isFIFO()).toBe(true);
  });
});

describe("UnpackPool", () => {
  describe.runIf(canRunPrograms).each([0, 1])("with %i workers, while GNU tar is at work", (workers) => {
    it("ends it when the signal fires", async () => {
      await using pool = new UnpackPool({ workers });
      const controller = new AbortController();
      const { unpacking, program } = await begin(pool, controller.signal);
      controller.abort();
      await expect(unpacking).rejects.toThrow(ErrCanceled);
      expect(existsSync(program)).toBe(false);
    });

    it("ends it when it is closed", async () => {
      const pool = new UnpackPool({ workers });
      const { unpacking, program } = await begin(pool);
      await pool[Symbol.asyncDispose]();
      expect(existsSync(program)).toBe(false);
      await expect(unpacking).rejects.toThrow(ErrUnavailable);
    });
  });

  it("refuses options that are none, and work when it is closed", async () => {
    expect(() => new UnpackPool({ workers: -1 })).toThrow(ErrInvalidArgument);
    const pool = new UnpackPool();
    await pool[Symbol.asyncDispose]();
    await expect(pool.unpack(jobFor(ARCHIVE))).rejects.toThrow(ErrFailedPrecondition);
  });
});

/** A job, whose program is at work and would be for long. */
async function begin(pool: UnpackPool, signal?: AbortSignal) {
  const begun = join(folder, "begun");
  const tar = programOf(`echo $$ >${begun}.new; mv ${begun}.new ${begun}; exec sleep 1000`);
  const blob = writeTestTar([{ name: "pipe", flag: "6" }]);
  const job = jobFor(blob, { diffId: digestOf(blob), host: { ...host, tar } });
  const unpacking = pool.unpack(job, { signal });
  unpacking.catch(() => {});
  await until(() => existsSync(begun));
  return { unpacking, program: `/proc/${readFileSync(begun, "utf8").trim()}` };
}

/** A program of the shell in the place of GNU tar. */
function programOf(script: string): string {
  const path = join(folder, "program");
  writeFileSync(path, `#!/bin/sh\nPATH=/usr/bin:/bin\n${script}\n`, { mode: 0o755 });
  return path;
}

/** A counter of bytes that may be read. */
function growing(bytes: number): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(8);
  Atomics.store(new BigInt64Array(memory), 0, BigInt(bytes));
  return memory;
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
}
