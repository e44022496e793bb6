import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ingest } from "../../src/archive/ingest.ts";
import { readBlob } from "../../src/content/read-blob.ts";
import type { Store } from "../../src/content/store.ts";
import { digestOf } from "../../src/digest/digest.ts";
import { ErrCanceled, ErrDataLoss } from "../../src/errors/classes.ts";
import { type DataRoot, openDataRoot } from "./support/data-root.ts";
import { inPieces } from "./support/tar.ts";

const BYTES = Buffer.from("content ".repeat(1000));
const FILE = { path: "blobs/x", digest: digestOf(BYTES), size: BYTES.byteLength };
let root: DataRoot;

beforeEach(async () => {
  root = await openDataRoot();
});

afterEach(async () => {
  await root[Symbol.asyncDispose]();
});

describe("ingest()", () => {
  it("brings a file in under its digest, known before or not", async () => {
    const { digest, ...unknown } = FILE;
    expect(await ingest(root.content, { ...FILE, chunks: inPieces(BYTES) })).toBe(digest);
    expect(Buffer.from(await readBlob(root.content, FILE)).equals(BYTES)).toBe(true);
    await root.content.delete(digest);
    expect(await ingest(root.content, { ...unknown, chunks: inPieces(BYTES) })).toBe(digest);
    expect(await root.digests()).toEqual([digest]);
  });

  it("brings an empty file in", async () => {
    const empty = { path: "empty.tar", size: 0, chunks: inPieces(Buffer.alloc(0)) };
    expect(await ingest(root.content, empty)).toBe(digestOf(""));
  });

  it("leaves the chunks alone when the digest is there, and notices it at the end when the digest was not known", async () => {
    await ingest(root.content, { ...FILE, chunks: inPieces(BYTES) });
    const untouched = {
      [Symbol.asyncIterator](): never {
        throw new Error("must not be read");
      },
    };
    expect(await ingest(root.content, { ...FILE, chunks: untouched })).toBe(FILE.digest);
    const { digest, ...unknown } = FILE;
    expect(await ingest(root.content, { ...unknown, chunks: inPieces(BYTES) })).toBe(digest);
    expect(await root.content.listStatuses()).toEqual([]);
  });

  it.each([
    ["other bytes of the same size", Buffer.from("CONTENT ".repeat(1000)), "got digest sha256:"],
    ["too few bytes", BYTES.subarray(1), "got 7999 bytes, want 8000"],
    ["too many bytes", Buffer.concat([BYTES, BYTES]), "got more bytes, want 8000"],
  ])("throws ErrDataLoss for %s and leaves nothing behind", async (_, bytes, message) => {
    const failing = ingest(root.content, { ...FILE, chunks: inPieces(bytes) });
    await expect(failing).rejects.toThrow(ErrDataLoss);
    await expect(failing).rejects.toThrow(message);
    expect(await root.digests()).toEqual([]);
    expect(await root.content.listStatuses()).toEqual([]);
  });

  it("does not believe what a killed import has left under its name", async () => {
    await using writer = await root.content.writer({ ref: `archive-${FILE.digest}` });
    await writer.write(Buffer.from("spoilt"));
    await writer.close();
    expect(await ingest(root.content, { ...FILE, chunks: inPieces(BYTES) })).toBe(FILE.digest);
    expect(await root.content.listStatuses()).toEqual([]);
  });

  it("stands aside for another import of the same blob", async () => {
    const both = [1, 2].map(() => ingest(root.content, { ...FILE, chunks: inPieces(BYTES, 10) }));
    expect(await Promise.all(both)).toEqual([FILE.digest, FILE.digest]);
    expect(await root.content.listStatuses()).toEqual([]);
  });

  it("throws the error of the chunks, or the abort error, and leaves nothing behind", async () => {
    const reason = new Error("torn");
    async function* torn(): AsyncGenerator<Uint8Array> {
      yield BYTES.subarray(0, 100);
      throw reason;
    }
    await expect(ingest(root.content, { ...FILE, chunks: torn() })).rejects.toBe(reason);
    const controller = new AbortController();
    async function* aborting(): AsyncGenerator<Uint8Array> {
      yield BYTES.subarray(0, 100);
      controller.abort();
      yield BYTES.subarray(100);
    }
    const file = { ...FILE, chunks: aborting() };
    await expect(ingest(root.content, file, { signal: controller.signal })).rejects.toThrow(ErrCanceled);
    expect(await root.content.listStatuses()).toEqual([]);
  });

  it("lets the store decide where its writer cannot tell the digest before commit", async () => {
    const blind: Store = Object.create(root.content, {
      writer: {
        async value(options: Parameters<Store["writer"]>[0]) {
          const writer = await root.content.writer(options);
          return Object.assign(writer, { digest: () => undefined });
        },
      },
      abort: { value: (ref: string) => root.content.abort(ref) },
    });
    const { digest, ...unknown } = FILE;
    expect(await ingest(blind, { ...unknown, chunks: inPieces(BYTES) })).toBe(digest);
    const wrong = { ...FILE, digest: digestOf("another"), chunks: inPieces(BYTES) };
    await expect(ingest(blind, wrong)).rejects.toThrow("unexpected commit digest");
    expect(await root.digests()).toEqual([digest]);
  });
});
