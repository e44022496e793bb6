import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type ByteRange, ByteRanges } from "../../../src/content/byte-ranges.ts";
import { ingestedBytes } from "../../../src/content/ingested-bytes.ts";
import { DataFile } from "../../../src/content/local/data-file.ts";
import type { LocalStore } from "../../../src/content/local/local-content-store.ts";
import { openLocalStore } from "../../../src/content/local/local-store.ts";
import { PartedSink } from "../../../src/content/local/parted-sink.ts";
import { readBlob } from "../../../src/content/read-blob.ts";
import type { HandedFile, Status, Writer } from "../../../src/content/store.ts";
import { digestOf } from "../../../src/digest/digest.ts";
import { pseudoRandom } from "../support/pseudo-random.ts";
import { canMount, mountSmallDisk, type SmallDisk } from "../support/small-disk.ts";

const boot = vi.hoisted(() => ({ id: "first" }));
vi.mock("../../../src/disk/boot-id.ts", () => ({ bootId: () => boot.id }));

/** Runs of the property; more by hand. */
const RUNS = Number(process.env["PARTS_RUNS"] ?? 40);

const SIZE = 4_096;
/** Bytes that a kill may cost, here. */
const UNRECORDED = 100;
/** Bytes that a power cut may cost, unless a sync is on its way. */
const UNSYNCED = 1_500;
const BYTES = pseudoRandom("parts", SIZE);
const BLOB = { digest: digestOf(BYTES), size: SIZE };
const REF = "layer";

let parent: string;
let root: string;
let store: LocalStore;
let serial = 0;
const mounted: SmallDisk[] = [];
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), "drayage-parts-"));
  root = join(parent, String(serial++));
  store = await openLocalStore({ root });
});
afterEach(async () => {
  for (const disk of mounted.splice(0)) await disk.dispose();
  vi.restoreAllMocks();
  boot.id = "first";
  await store.close();
  await rm(parent, { recursive: true, force: true });
});

/** An ingest whose file was handed over, and what belongs there. */
interface Filling {
  readonly writer: Writer;
  readonly handed: HandedFile;
  readonly sink: PartedSink;
}

async function openFilling(): Promise<Filling> {
  const writer = await store.writer({ ref: REF, size: SIZE, expected: BLOB.digest, unread: true });
  const handed = writer.handOver?.();
  if (!handed) throw new Error("the writer has no file");
  const { path, algorithm } = handed;
  const intervals = { unrecordedBytes: UNRECORDED, unsyncedBytes: UNSYNCED };
  return { writer, handed, sink: await PartedSink.open({ path, algorithm, ...intervals }) };
}

async function fill({ sink }: Pick<Filling, "sink">, from: number, to: number): Promise<void> {
  await sink.write(from, BYTES.subarray(from, to));
}

async function giveBack({ handed, sink }: Filling): Promise<void> {
  handed.takeBack(await sink.close());
}

async function leave(filling: Filling): Promise<void> {
  await giveBack(filling);
  await filling.writer.close();
}

/** What a killed process leaves is what is on the disk at that moment: another root goes on with a copy of it. */
async function kill(filling: Filling, change: (ingest: string) => void = () => {}): Promise<void> {
  const next = join(parent, String(serial++));
  cpSync(join(root, "ingest"), join(next, "ingest"), { recursive: true });
  await leave(filling);
  await store.close();
  const [name = ""] = await readdir(join(next, "ingest"));
  change(join(next, "ingest", name));
  root = next;
  store = await openLocalStore({ root });
}

const rangesOf = ({ offset, parts = [] }: Pick<Status, "offset" | "parts">): ByteRanges =>
  new ByteRanges([{ from: 0, to: offset }, ...parts]);

const ingestPath = async (): Promise<string> => {
  const [name = ""] = await readdir(join(root, "ingest"));
  return join(root, "ingest", name);
};

/** Bytes of ranges, and only those that are right. */
function expectRight(file: string, ranges: Iterable<ByteRange>): void {
  const data = readFileSync(file);
  for (const { from, to } of ranges) {
    expect(data.subarray(from, to).equals(BYTES.subarray(from, to))).toBe(true);
  }
}

const ALL: ByteRange = { from: 0, to: SIZE };
const MAX_WRITE = 700;

/** An ingest on its way: what was written, and what of it was synced. */
interface Run {
  readonly filling: Filling;
  readonly there: ByteRanges;
  readonly synced: ByteRanges;
}

async function bring(run: Run, { from, length }: { from: number; length: number }): Promise<Run> {
  const { filling, there } = run;
  const to = Math.min(SIZE, from + length);
  await fill(filling, from, to);
  there.add({ from, to });
  expect(filling.sink.bytes).toBe(there.bytes);
  expect(filling.sink.edge).toBe(there.list[0]?.from === 0 ? there.list[0].to : 0);
  return run;
}

/** Opens it again: what it believes is right, and no more than `most`. */
async function reopen(most: ByteRanges): Promise<Pick<Run, "filling" | "there">> {
  const filling = await openFilling();
  const there = rangesOf(filling.handed);
  for (const each of there) expect(most.missing(each)).toEqual([]);
  expectRight(filling.handed.path, there);
  return { filling, there };
}

const KINDS = ["leave", "kill", "lose the thread", "cut the power"] as const;

const STEPS: Record<(typeof KINDS)[number], (run: Run) => Promise<Run>> = {
  async leave({ filling, there }) {
    await leave(filling);
    const next = await reopen(there);
    expect(next.there.bytes).toBe(there.bytes);
    return { ...next, synced: new ByteRanges(there) };
  },
  async kill({ filling, there, synced }) {
    await kill(filling);
    const next = await reopen(there);
    expect(there.bytes - next.there.bytes).toBeLessThanOrEqual(UNRECORDED + MAX_WRITE);
    return { ...next, synced };
  },
  async "lose the thread"({ filling, there }) {
    const ingest = await ingestPath();
    const [data, parts] = [join(ingest, "data"), join(ingest, "parts")];
    const before = { data: readFileSync(data), parts: existsSync(parts) && readFileSync(parts) };
    await filling.sink.close(); // which a dead thread does not do
    writeFileSync(data, before.data);
    if (before.parts) writeFileSync(parts, before.parts);
    filling.handed.takeBack(undefined);
    await filling.writer.close();
    const next = await reopen(there);
    expect(there.bytes - next.there.bytes).toBeLessThanOrEqual(UNRECORDED + MAX_WRITE);
    return { ...next, synced: new ByteRanges(next.there) };
  },
  async "cut the power"({ filling, there, synced }) {
    const hasHoles = (await readdir(await ingestPath())).includes("parts");
    const kept = hasHoles ? synced : there; // a file without holes is synced by its file system, in order
    boot.id += "+";
    await kill(filling, (ingest) => {
      const data = readFileSync(join(ingest, "data"));
      for (const { from, to } of kept.missing({ from: 0, to: data.length })) data.fill(0, from, to);
      writeFileSync(join(ingest, "data"), data);
    });
    const next = await reopen(kept);
    return { ...next, synced: new ByteRanges(next.there) };
  },
};

const write = fc.record({ from: fc.nat(SIZE - 1), length: fc.integer({ min: 1, max: MAX_WRITE }) });
const step = fc.oneof({ weight: 12, arbitrary: write }, fc.constantFrom(...KINDS));

describe("an ingest that is filled in any order", () => {
  it(
    "believes no byte that was not written, whatever happens, and has the right digest in the end",
    async () => {
      const property = fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        let run: Run = { filling: await openFilling(), there: new ByteRanges(), synced: new ByteRanges() };
        for (const next of steps)
          run = typeof next === "object" ? await bring(run, next) : await STEPS[next](run);
        const { filling, there } = run;
        for (const { from, to } of there.missing(ALL).toReversed()) await fill(filling, from, to);
        expect(await filling.sink.digest()).toBe(BLOB.digest);
        await giveBack(filling);
        expect(filling.writer.digest()).toBe(BLOB.digest);
        await filling.writer.commit({ size: SIZE, expected: BLOB.digest });
        expect(Buffer.from(await readBlob(store, BLOB)).equals(BYTES)).toBe(true);
        expect(await store.listStatuses()).toEqual([]);
        await store.delete(BLOB.digest);
      });
      await fc.assert(property, { numRuns: RUNS });
    },
    30_000 + RUNS * 200,
  );

  it("tells what is there behind the first hole", async () => {
    const filling = await openFilling();
    await fill(filling, 0, 100);
    await fill(filling, 1_000, 1_500);
    await leave(filling);
    const parts = [{ from: 1_000, to: 1_500 }];
    expect(await store.status(REF)).toMatchObject({ offset: 100, parts });
    expect(await store.listStatuses()).toMatchObject([{ offset: 100, parts }]);
    const writer = await store.writer({ ref: REF, size: SIZE });
    expect(await writer.status()).toMatchObject({ offset: 100, parts });
    expect(writer.digest()).toBe(digestOf(BYTES.subarray(0, 100)));
    await writer.close();
    expect(await store.status(REF)).toMatchObject({ offset: 100, parts });
    expect(ingestedBytes(await store.status(REF))).toBe(600);
    expect(await store.sweepIngests({ isOld: () => true, dryRun: true })).toEqual([{ ref: REF, bytes: 600 }]);
  });

  it("is not committed with a hole, and stays", async () => {
    const filling = await openFilling();
    await fill(filling, 0, 100);
    await fill(filling, 1_000, SIZE);
    await giveBack(filling);
    await expect(filling.writer.commit({ size: SIZE, expected: BLOB.digest })).rejects.toMatchObject({
      name: "ErrFailedPrecondition",
      message: expect.stringContaining("bytes 100 to 999 are missing"),
    });
    expect(await store.status(REF)).toMatchObject({ offset: 100, parts: [{ from: 1_000, to: SIZE }] });
  });

  it("goes on behind its start for whoever appends, and drops the rest", async () => {
    const filling = await openFilling();
    await fill(filling, 0, 100);
    await fill(filling, 1_000, 1_500);
    await leave(filling);
    const writer = await store.writer({ ref: REF, size: SIZE });
    await writer.write(BYTES.subarray(100, 200));
    expect(await writer.status()).toMatchObject({ offset: 200 });
    expect(await writer.status()).not.toHaveProperty("parts");
    expect(await readdir(await ingestPath())).not.toContain("parts");
    await writer.write(BYTES.subarray(200));
    expect(await writer.commit({ size: SIZE, expected: BLOB.digest })).toBe(BLOB.digest);
  });

  it("is empty when it is truncated", async () => {
    const filling = await openFilling();
    await fill(filling, 1_000, 1_500);
    await giveBack(filling);
    await filling.writer.truncate(0);
    expect(await filling.writer.status()).toMatchObject({ offset: 0 });
    expect(await filling.writer.status()).not.toHaveProperty("parts");
    await filling.writer.close();
    expect((await store.status(REF)).offset).toBe(0);
  });

  it("goes whole when it is aborted or swept", async () => {
    for (const remove of [() => store.abort(REF), () => store.sweepIngests({ isOld: () => true })]) {
      const filling = await openFilling();
      await fill(filling, 1_000, 1_500);
      await leave(filling);
      await remove();
      expect(await readdir(join(root, "ingest"))).toEqual([]);
    }
  });

  it("keeps the first bytes of those that come for one place", async () => {
    const filling = await openFilling();
    const wrong = Buffer.alloc(300, "x");
    await fill(filling, 0, 100);
    await fill(filling, 200, 300);
    await filling.sink.write(50, wrong.subarray(0, 40)); // hashed already
    await filling.sink.write(220, wrong.subarray(0, 50)); // there already
    await fill(filling, 50, SIZE);
    expect(await filling.sink.digest()).toBe(BLOB.digest);
    await giveBack(filling);
    await filling.writer.commit({ size: SIZE, expected: BLOB.digest });
  });

  const broken: Record<string, string> = {
    "is no JSON": "{",
    "is nothing": "",
    "is another thing": "[]",
    "has no numbers": '{"boot":"first","offset":"1","parts":[]}',
    "has ranges in no order": '{"boot":"first","offset":9,"parts":[[20,30],[10,15]]}',
    "has ranges that are none": '{"boot":"first","offset":9,"parts":[[20,30,40]]}',
    "has more than the file": '{"boot":"first","offset":9000,"parts":[]}',
    "is of another machine": '{"boot":"other","offset":9,"parts":[]}',
    "is too long": " ".repeat(200_000),
  };
  it.each(Object.keys(broken))("believes nothing when what is written down %s", async (name) => {
    const filling = await openFilling();
    await fill(filling, 0, 100);
    await fill(filling, 1_000, 1_500);
    await kill(filling, (ingest) => writeFileSync(join(ingest, "parts"), broken[name] ?? ""));
    await using writer = await store.writer({ ref: REF, size: SIZE });
    expect(await writer.status()).toMatchObject({ offset: 0 });
    expect(await writer.status()).not.toHaveProperty("parts");
    expect(writer.digest()).toBe(digestOf(""));
    expect(readFileSync(join(await ingestPath(), "data")).length).toBe(0);
  });

  it("forgets the ranges that the file is too short for, and keeps its start", async () => {
    const filling = await openFilling();
    await fill(filling, 0, 100);
    await fill(filling, 1_000, 1_500);
    await fill(filling, 2_000, 2_500);
    await kill(filling, (ingest) => {
      const data = readFileSync(join(ingest, "data"));
      writeFileSync(join(ingest, "data"), data.subarray(0, 2_200));
    });
    await using writer = await store.writer({ ref: REF, size: SIZE });
    const { offset } = await writer.status();
    expect(offset).toBe(100);
    expect(await writer.status()).not.toHaveProperty("parts");
  });

  it("fails when what it holds cannot be read back, and keeps what was written down", async () => {
    const filling = await openFilling();
    await fill(filling, 1_000, SIZE);
    const failure = Object.assign(new Error("EIO: i/o error, read"), { code: "EIO" });
    vi.spyOn(DataFile.prototype, "read").mockRejectedValue(failure);
    await fill(filling, 0, 1_000);
    await expect(filling.sink.digest()).rejects.toMatchObject({ name: "ErrDataLoss" });
    expect(() => filling.sink.write(0, BYTES)).toThrow("input/output error");
    vi.restoreAllMocks();
    await giveBack(filling);
    expect(filling.writer.digest()).toBeUndefined();
    expect(await filling.writer.commit({ size: SIZE, expected: BLOB.digest })).toBe(BLOB.digest);
  });

  it.skipIf(!canMount)("keeps what a full disk has taken, and goes on when there is room", async () => {
    const disk = await mountSmallDisk(1_024);
    mounted.push(disk);
    const size = 2_000_000;
    const bytes = pseudoRandom("full", size);
    const small = await openLocalStore({ root: join(disk.path, "root") });
    const begin = async (): Promise<Filling> => {
      const writer = await small.writer({ ref: REF, size, unread: true });
      const handed = writer.handOver?.();
      if (!handed) throw new Error("the writer has no file");
      return { writer, handed, sink: await PartedSink.open(handed) };
    };
    const filling = await begin();
    const bringAll = async (): Promise<void> => {
      for (let at = 0; at < size / 2; at += 50_000) {
        for (const from of [at, size / 2 + at]) {
          await filling.sink.write(from, bytes.subarray(from, from + 50_000));
        }
      }
    };
    await expect(bringAll()).rejects.toMatchObject({ name: "ErrResourceExhausted" });
    const { bytes: there } = filling.sink;
    await leave(filling);
    const next = await begin();
    expect(rangesOf(next.handed).bytes).toBe(there);
    expect(next.handed.parts.length).toBe(1);
    const data = readFileSync(next.handed.path);
    for (const { from, to } of rangesOf(next.handed)) {
      expect(data.subarray(from, to).equals(bytes.subarray(from, to))).toBe(true);
    }
    await leave(next);
    await small.close();
  });

  it("is closed once, and takes nothing more then", async () => {
    const filling = await openFilling();
    await leave(filling);
    expect(() => filling.sink.write(0, BYTES)).toThrow("closed");
    await expect(filling.sink.digest()).rejects.toThrow("closed");
  });
});
