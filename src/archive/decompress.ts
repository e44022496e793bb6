import { pipeline } from "node:stream/promises";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { decompressByProgram } from "./decompress-by-program.ts";
import { peek } from "./peek.ts";

/**
 * A compression that is told by its first bytes: RFC 1952 section 2.3.1, RFC 8878 section 3.1.1, the format descriptions of xz
 * (section 2.1.1.1) and of bzip2.
 */
export type Compression = "none" | "gzip" | "zstd" | "xz" | "bzip2";

const MAGIC: ReadonlyArray<readonly [Compression, readonly number[]]> = [
  ["gzip", [0x1f, 0x8b]],
  ["zstd", [0x28, 0xb5, 0x2f, 0xfd]],
  ["xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ["bzip2", [0x42, 0x5a, 0x68]],
];

/** How many first bytes are enough to tell the compression. */
export const HEAD_BYTES = 6;

/** Bytes that come out of a decompressor at once. */
const CHUNK_BYTES = 256 * 1024;

/** The compression of content that starts with `head`. */
export function compressionOf(head: Uint8Array): Compression {
  return MAGIC.find(([, magic]) => magic.every((byte, at) => head[at] === byte))?.[0] ?? "none";
}

/**
 * `source` without the compression around it, if there is one. Node.js knows gzip and zstd, the programs xz and bzip2 do the
 * rest. A chunk of the source must stay as it is once it was given. Throws what the source throws, zlib's own errors, and what
 * `decompressByProgram` throws.
 */
export async function* decompress(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const { head, whole } = await peek(source, HEAD_BYTES);
  const compression = compressionOf(head);
  if (compression === "none") {
    yield* whole;
    return;
  }
  if (compression === "xz" || compression === "bzip2") {
    yield* decompressByProgram(compression, whole);
    return;
  }
  const options = { chunkSize: CHUNK_BYTES };
  const decoder = compression === "gzip" ? createGunzip(options) : createZstdDecompress(options);
  pipeline(whole, decoder).catch(() => {}); // whoever reads the decoder sees the failure
  yield* decoder;
}
