import { pipeline } from "node:stream/promises";
import { createGunzip, createZstdDecompress } from "node:zlib";

/** A compression that is told by its first bytes: RFC 1952 section 2.3.1, RFC 8878 section 3.1.1. */
export type Compression = "none" | "gzip" | "zstd";

const MAGIC: ReadonlyArray<readonly [Compression, readonly number[]]> = [
  ["gzip", [0x1f, 0x8b]],
  ["zstd", [0x28, 0xb5, 0x2f, 0xfd]],
];

/** How many first bytes are enough to tell the compression. */
export const HEAD_BYTES = 4;

/** Bytes that come out of a decompressor at once. */
const CHUNK_BYTES = 256 * 1024;

/** The compression of content that starts with `head`. */
export function compressionOf(head: Uint8Array): Compression {
  return MAGIC.find(([, magic]) => magic.every((byte, at) => head[at] === byte))?.[0] ?? "none";
}

/**
 * `source` without the gzip or zstd around it, if there is one. A chunk of the source must stay as it is once it was given.
 * Throws what the source throws, and zlib's own errors.
 */
export async function* decompress(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const iterator = source[Symbol.asyncIterator]();
  const head = await readHead(iterator);
  const whole = concatenate(head, iterator);
  const compression = compressionOf(head);
  if (compression === "none") {
    yield* whole;
    return;
  }
  const options = { chunkSize: CHUNK_BYTES };
  const decoder = compression === "gzip" ? createGunzip(options) : createZstdDecompress(options);
  pipeline(whole, decoder).catch(() => {}); // whoever reads the decoder sees the failure
  yield* decoder;
}

async function readHead(iterator: AsyncIterator<Uint8Array>): Promise<Uint8Array> {
  let head = Buffer.alloc(0);
  while (head.length < HEAD_BYTES) {
    const next = await iterator.next();
    if (next.done === true) break;
    head = Buffer.concat([head, next.value]);
  }
  return head;
}

async function* concatenate(
  head: Uint8Array,
  iterator: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    yield head;
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value;
  } finally {
    await iterator.return?.();
  }
}
