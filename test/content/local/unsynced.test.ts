import fs from "node:fs";
import { mkdir, open, readdir, stat, writeFile } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { DataFile } from "../../../src/content/local/data-file.ts";
import { openLocalStore } from "../../../src/content/local/local-store.ts";
import { readBlob } from "../../../src/content/read-blob.ts";
import { digestOf } from "../../../src/digest/digest.ts";
import { storeOnOddDisk } from "./support/store-on-odd-disk.ts";

const BYTES = Buffer.from("foobar");
const BLOB = { digest: digestOf(BYTES), size: BYTES.length };

const disk = storeOnOddDisk();

/** Makes the next change of a file's permissions fail. */
function failNextChmod(code: string): void {
  vi.spyOn(fs, "fchmodSync").mockImplementationOnce(() => {
    throw Object.assign(new Error(code), { code });
  });
  syncBuiltinESMExports();
}

/** Makes the next fsyncs fail, as a disk does that cannot write. */
function failNextSync(times = 1): void {
  const spy = vi.spyOn(DataFile.prototype, "sync");
  for (let time = 0; time < times; time++) {
    spy.mockRejectedValueOnce(Object.assign(new Error("EIO: i/o error, fsync"), { code: "EIO" }));
  }
}

/** Makes the next fsync of a copy fail. */
async function failNextCopy(): Promise<void> {
  const file = await open(disk.root, "r");
  const prototype: typeof file = Object.getPrototypeOf(file);
  await file.close();
  const failure = Object.assign(new Error("EIO: i/o error, fsync"), { code: "EIO" });
  vi.spyOn(prototype, "sync").mockRejectedValueOnce(failure);
}

async function dataInode(): Promise<number> {
  const [name = ""] = await readdir(join(disk.root, "ingest"));
  return (await stat(join(disk.root, "ingest", name, "data"))).ino;
}

async function failedCommit(): Promise<number> {
  const writer = await disk.store.writer({ ref: "layer", size: 6 });
  await writer.write(BYTES);
  failNextSync();
  await expect(writer.commit(BLOB)).rejects.toMatchObject({
    name: "ErrDataLoss",
    message: expect.stringContaining("input/output error"),
  });
  return await dataInode();
}

async function failWhileWriting(): Promise<void> {
  await using writer = await disk.store.writer({ ref: "layer" });
  await writer.write(BYTES);
  failNextSync();
  throw new Error("what failed");
}

describe("a writer that cannot be closed", () => {
  it("does not hide what failed before it was left", async () => {
    await expect(failWhileWriting()).rejects.toThrow("what failed");
  });

  it("says so when it is closed by name", async () => {
    const writer = await disk.store.writer({ ref: "layer" });
    await writer.write(BYTES);
    failNextSync();
    await expect(writer.close()).rejects.toMatchObject({ name: "ErrDataLoss" });
  });
});

describe("an ingest whose data the disk did not take", () => {
  it("is kept, and written to a new file before anything is committed of it", async () => {
    const inode = await failedCommit();
    const writer = await disk.store.writer({ ref: "layer", size: 6 });
    expect((await writer.status()).offset).toBe(6);
    expect(await dataInode()).not.toBe(inode);
    await writer.commit(BLOB);
    expect(await readBlob(disk.store, BLOB)).toEqual(new Uint8Array(BYTES));
  });

  it("is known as such to other stores on the root", async () => {
    const inode = await failedCommit();
    await using other = await openLocalStore({ root: disk.root });
    const writer = await other.writer({ ref: "layer", size: 6 });
    expect(await dataInode()).not.toBe(inode);
    await writer.commit(BLOB);
  });

  it("stays distrusted while the new file cannot be synced either", async () => {
    const inode = await failedCommit();
    await failNextCopy();
    await expect(disk.store.writer({ ref: "layer", size: 6 })).rejects.toMatchObject({ name: "ErrDataLoss" });
    const writer = await disk.store.writer({ ref: "layer", size: 6 });
    expect(await dataInode()).not.toBe(inode);
    await writer.commit(BLOB);
  });

  it("is trusted again when it is begun anew", async () => {
    await failedCommit();
    await disk.store.abort("layer");
    const writer = await disk.store.writer({ ref: "layer", size: 6 });
    await writer.write(BYTES);
    await writer.commit(BLOB);
    expect(await readBlob(disk.store, BLOB)).toEqual(new Uint8Array(BYTES));
  });
});

describe("a directory of ingests with something else in it", () => {
  it("is listed without it", async () => {
    await mkdir(join(disk.root, "ingest/aaaa/ref"), { recursive: true });
    await writeFile(join(disk.root, "ingest/aaaa/data"), "");
    await mkdir(join(disk.root, "ingest/bbbb"));
    await writeFile(join(disk.root, "ingest/file"), "");
    const writer = await disk.store.writer({ ref: "layer" });
    expect((await disk.store.listStatuses()).map(({ ref }) => ref)).toEqual(["layer"]);
    await writer.close();
    const swept = await disk.store.sweepIngests({ isOld: () => true });
    expect(swept.map(({ ref }) => ref).toSorted()).toEqual(["aaaa", "bbbb", "file", "layer"]);
    expect(await readdir(join(disk.root, "ingest"))).toEqual([]);
  });
});

describe("a commit on a disk that turned read-only", () => {
  it("keeps the verified bytes, and commits them when it can", async () => {
    const writer = await disk.store.writer({ ref: "layer", size: 6 });
    await writer.write(BYTES);
    failNextChmod("EROFS");
    await expect(writer.commit(BLOB)).rejects.toMatchObject({
      name: "ErrFailedPrecondition",
      message: expect.stringContaining("read-only file system"),
    });
    const next = await disk.store.writer({ ref: "layer", size: 6 });
    expect((await next.status()).offset).toBe(6);
    await next.commit(BLOB);
    expect(await readBlob(disk.store, BLOB)).toEqual(new Uint8Array(BYTES));
  });
});
