import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HeldWriter } from "../../../src/content/local/held-writer.ts";
import type { LocalStore } from "../../../src/content/local/local-content-store.ts";
import { openLocalStore } from "../../../src/content/local/local-store.ts";
import { readBlob } from "../../../src/content/read-blob.ts";
import type { Writer } from "../../../src/content/store.ts";
import { digestOf, encodedOf } from "../../../src/digest/digest.ts";

const BYTES = Buffer.from("small content that comes in moments");
const BLOB = { digest: digestOf(BYTES), size: BYTES.length };
const REF = "layer-small";
const BRIEF = { ref: REF, size: BLOB.size, expected: BLOB.digest, brief: true };

let root: string;
let store: LocalStore;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "held-writer-"));
  store = await openLocalStore({ root });
});

afterEach(async () => {
  await store.close();
  await rm(root, { recursive: true, force: true });
});

const ingestPath = (): string => join(root, "ingest", createHash("sha256").update(REF).digest("hex"));
const namesIn = (directory: string): Promise<string[]> => readdir(join(root, directory)).catch(() => []);

/** Brings content in pieces, others in between. */
async function bring(bytes: Buffer): Promise<void> {
  const { length: size } = bytes;
  const writer = await store.writer({ ref: `layer-${size}`, size, expected: digestOf(bytes), brief: true });
  for (let start = 0; start < size; start += 1_000) {
    await writer.write(bytes.subarray(start, start + 1_000));
    await new Promise(setImmediate);
  }
  await writer.commit({ size });
}

describe("a writer of small content that comes in moments", () => {
  it("has nothing on disk until it commits, and leaves nothing but a read-only blob", async () => {
    const writer = await store.writer(BRIEF);
    await writer.write(BYTES);
    expect(await namesIn("ingest")).toEqual([]);
    expect(await writer.commit({ size: BLOB.size, expected: BLOB.digest })).toBe(BLOB.digest);
    expect(Buffer.from(await readBlob(store, BLOB))).toEqual(BYTES);
    const { mode } = await stat(join(root, "blobs", "sha256", encodedOf(BLOB.digest)));
    expect(mode & 0o222).toBe(0);
    const { createdAtNs, updatedAtNs } = await store.info(BLOB.digest);
    expect(updatedAtNs).toBe(createdAtNs);
    expect([await namesIn("ingest"), await namesIn("locks")]).toEqual([[], []]);
  });

  it("is listed, keeps its ref from others, and gives it free", async () => {
    const writer = await store.writer(BRIEF);
    await writer.write(BYTES.subarray(0, 5));
    expect(await store.listStatuses()).toMatchObject([{ ref: REF, offset: 5, total: BLOB.size }]);
    expect(await store.status(REF)).toMatchObject({ offset: 5 });
    expect([await store.offsetOf(REF), await store.offsetOf("another")]).toEqual([5, undefined]);
    await using other = await openLocalStore({ root });
    await expect(store.writer(BRIEF)).rejects.toThrow("locked");
    await expect(other.writer(BRIEF)).rejects.toThrow("locked");
    await writer.write(BYTES.subarray(5));
    await writer.commit();
    await expect(other.writer(BRIEF)).rejects.toMatchObject({ code: "ERR_ALREADY_EXISTS" });
    await expect(store.status(REF)).rejects.toMatchObject({ code: "ERR_NOT_FOUND" });
  });

  it("has bytes of its own, whoever writes before, beside or after it", async () => {
    const contents = Array.from({ length: 24 }, (_, at) => Buffer.alloc(3_000 + at * 500, at));
    for (let start = 0; start < contents.length; start += 8) {
      await Promise.all(contents.slice(start, start + 8).map(bring));
    }
    for (const bytes of contents) {
      const kept = await readBlob(store, { digest: digestOf(bytes), size: bytes.length });
      expect(bytes.equals(kept)).toBe(true);
    }
  });

  it("keeps what came when it is closed, for a writer of any store on the root", async () => {
    const writer = await store.writer(BRIEF);
    await writer.write(BYTES.subarray(0, 5));
    await writer.close();
    await using other = await openLocalStore({ root });
    expect(await other.offsetOf(REF)).toBe(5);
    const next = await other.writer(BRIEF);
    expect(await next.status()).toMatchObject({ offset: 5, total: BLOB.size });
    await next.write(BYTES.subarray(5));
    expect(await next.commit({ expected: BLOB.digest })).toBe(BLOB.digest);
  });

  it("keeps wrong bytes after a commit that fails, like any ingest, and none that were truncated", async () => {
    const writer = await store.writer(BRIEF);
    await writer.write(Buffer.from("wrong"));
    await expect(writer.commit({ expected: BLOB.digest })).rejects.toThrow("unexpected commit digest");
    const next = await store.writer(BRIEF);
    expect(await next.status()).toMatchObject({ offset: 5 });
    await next.truncate(0);
    await next.close();
    await store.abort(REF);
    const last = await store.writer(BRIEF);
    await last.write(Buffer.from("wrong"));
    await last.truncate(0);
    await last.close();
    expect(await store.listStatuses()).toEqual([]);
  });

  it("finds out at commit that its ingest was removed", async () => {
    const writer = await store.writer(BRIEF);
    await writer.write(BYTES);
    await store.abort(REF);
    await expect(writer.commit()).rejects.toMatchObject({ code: "ERR_ABORTED" });
    await expect(store.info(BLOB.digest)).rejects.toMatchObject({ code: "ERR_NOT_FOUND" });
    await (await store.writer(BRIEF)).close();
  });

  it("takes no more than was announced, and nothing after its end", async () => {
    const writer = await store.writer(BRIEF);
    await writer.write(BYTES);
    expect(() => writer.write(BYTES)).toThrow(`more than the ${BLOB.size} bytes announced`);
    await writer.commit();
    expect(() => writer.write(BYTES)).toThrow("cannot write to closed writer");
    await expect(writer.commit()).rejects.toThrow("cannot commit on closed writer");
  });

  it("takes the place of the file that a process left which was killed at its commit", async () => {
    await mkdir(join(root, "ingest"));
    await writeFile(ingestPath(), "half of it", { mode: 0o444 });
    expect(await store.listStatuses()).toEqual([]);
    expect(await store.listHalfMade()).toMatchObject([{ bytes: 10 }]);
    const writer = await store.writer(BRIEF);
    await writer.write(BYTES);
    await writer.commit({ expected: BLOB.digest });
    expect(await namesIn("ingest")).toEqual([]);
  });

  it("leaves a file like that to the sweep of ingests", async () => {
    await mkdir(join(root, "ingest"));
    await writeFile(ingestPath(), "half of it", { mode: 0o444 });
    expect(await store.sweepIngests({ isOld: () => true })).toMatchObject([{ bytes: 10 }]);
    expect(await namesIn("ingest")).toEqual([]);
  });

  it("goes on in an ingest on disk when its bytes come slowly", async () => {
    let nowMs = 0;
    const ends: string[] = [];
    const openOnDisk = (): Promise<Writer> => store.writer({ ...BRIEF, brief: false });
    const writer = new HeldWriter({
      ...BRIEF,
      algorithm: "sha256",
      elapsed: () => nowMs,
      publish: async () => void ends.push("published"),
      openOnDisk,
      onGone: () => ends.push("gone"),
      release: () => ends.push("released"),
    });
    expect(writer.write(BYTES.subarray(0, 5))).toBe(undefined);
    nowMs = 5_000;
    await writer.write(BYTES.subarray(5, 10));
    expect(await store.status(REF)).toMatchObject({ offset: 10 });
    await writer.write(BYTES.subarray(10));
    expect(writer.digest()).toBe(BLOB.digest);
    expect(await writer.commit({ size: BLOB.size })).toBe(BLOB.digest);
    expect(ends).toEqual(["gone"]);
    expect(Buffer.from(await readBlob(store, BLOB))).toEqual(BYTES);
  });
});
