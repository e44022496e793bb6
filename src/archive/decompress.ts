import { pipeline } from "node:stream/promises";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { compressionByMagic, HEAD_BYTES } from "../layer/decompress/compression.ts";
import { decompressByProgram } from "./decompress-by-program.ts";
import { peek } from "./peek.ts";

/** Bytes that come out of a decompressor at once. */
const CHUNK_BYTES = 256 * 1024;

/**
 * `source` without the compression around it, if there is one. Node.js knows gzip and zstd, the programs xz and bzip2 do the
 * rest. A chunk of the source must stay as it is once it was given. Throws what the source throws, zlib's own errors, and what
 * `decompressByProgram` throws.
 */
export async function* decompress(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const { head, whole } = await peek(source, HEAD_BYTES);
  const compression = compressionByMagic(head);
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
