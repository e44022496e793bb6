import { gzipSync, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decompress } from "../../src/archive/decompress.ts";
import { ErrDataLoss } from "../../src/errors.ts";
import { compressionOf } from "../../src/layer/decompress/compression.ts";
import { inPieces } from "./support/tar.ts";

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(Buffer.from(chunk));
  return Buffer.concat(all);
}

describe("compressionOf()", () => {
  it.each([
    ["gzip", gzipSync("x")],
    ["zstd", zstdCompressSync("x")],
    ["xz", Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00])],
    ["bzip2", Buffer.from("BZh9")],
    ["none", Buffer.from("oci-layout")],
    ["none", Buffer.from([0x1f])],
    ["none", Buffer.alloc(0)],
  ])("tells %s by the first bytes", (compression, bytes) => {
    expect(compressionOf(bytes)).toBe(compression);
  });
});

describe("decompress()", () => {
  it("gives the same bytes whatever is around them and however they come", async () => {
    const around = fc.constantFrom(gzipSync, zstdCompressSync, (bytes: Buffer) => bytes);
    const content = fc.oneof(fc.uint8Array({ maxLength: 2000 }), fc.constant(new Uint8Array(700_000)));
    await fc.assert(
      fc.asyncProperty(around, content, fc.integer({ min: 1, max: 5000 }), async (compress, bytes, piece) => {
        fc.pre(compressionOf(bytes) === "none");
        const read = await collect(decompress(inPieces(compress(Buffer.from(bytes)), piece)));
        expect(read.equals(bytes)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it("reads several gzip members in a row, as parallel compressors write them", async () => {
    const bytes = Buffer.concat([gzipSync("one "), gzipSync("two")]);
    expect(String(await collect(decompress(inPieces(bytes, 7))))).toBe("one two");
  });

  it("reads several zstd frames in a row, and passes those over that are to be skipped", async () => {
    const skipped = Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
    const bytes = Buffer.concat([
      skipped,
      zstdCompressSync("one "),
      skipped,
      zstdCompressSync("two"),
      skipped,
    ]);
    for (const piece of [1, 7, 4_096]) {
      expect(String(await collect(decompress(inPieces(bytes, piece))))).toBe("one two");
    }
  });

  it.each([
    ["gzip", gzipSync("one")],
    ["zstd", zstdCompressSync("one")],
  ])("fails on %s with something behind it", async (_, bytes) => {
    const followed = Buffer.concat([bytes, Buffer.from("something else")]);
    await expect(collect(decompress(inPieces(followed)))).rejects.toThrow(ErrDataLoss);
  });

  it.each([
    ["gzip", gzipSync],
    ["zstd", zstdCompressSync],
  ])("fails on %s that is cut off", async (_, compress) => {
    const bytes = compress(Buffer.from("x".repeat(5000)));
    await expect(collect(decompress(inPieces(bytes.subarray(0, -4))))).rejects.toThrow(
      /unexpected end of (?:file|data)/,
    );
  });

  it.each([["plain"], ["gzip"]])("throws what the source throws: %s", async (kind) => {
    const reason = new Error("cable pulled");
    async function* source(): AsyncGenerator<Uint8Array> {
      yield kind === "gzip" ? gzipSync("x").subarray(0, 12) : Buffer.from("plain");
      throw reason;
    }
    await expect(collect(decompress(source()))).rejects.toBe(reason);
  });

  it("lets the source go when its reader stops early", async () => {
    let closed = false;
    async function* source(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield Buffer.from("plain bytes");
      } finally {
        closed = true;
      }
    }
    for await (const _ of decompress(source())) break;
    expect(closed).toBe(true);
  });
});
