import { createCipheriv, createHash } from "node:crypto";
import { createReadStream } from "node:fs";

/** Bytes per chunk served or hashed: enough to be fast, small enough for hundreds of concurrent bodies. */
const CHUNK_BYTES = 64 * 1024;

/** Bytes of one AES block: the step of the counter in `seededBytes`. */
const BLOCK_BYTES = 16;

/** The bytes of one blob, wherever they are. */
export interface BlobContent {
  /** Size in bytes. */
  readonly size: number;
  /** The bytes from `start` up to, not including, `end`. */
  read(start: number, end: number): AsyncIterable<Uint8Array>;
}

/** Bytes by rule: nothing is stored, whatever the size. */
export interface GeneratedBytes {
  /** Size in bytes. */
  readonly size: number;
  /** Exactly `length` bytes from `offset` on; the same ones each time. */
  generate(offset: number, length: number): Uint8Array;
}

/** Content that is in memory anyway. */
export function memoryContent(bytes: Uint8Array): BlobContent {
  return generatedContent({
    size: bytes.byteLength,
    generate: (offset, length) => bytes.subarray(offset, offset + length),
  });
}

/** Content by rule. */
export function generatedContent(source: GeneratedBytes): BlobContent {
  return {
    size: source.size,
    async *read(start, end) {
      for (let offset = start; offset < end; offset += CHUNK_BYTES) {
        yield source.generate(offset, Math.min(CHUNK_BYTES, end - offset));
      }
    },
  };
}

/** Content of a file that nobody changes any more. */
export function fileContent(path: string, size: number): BlobContent {
  return {
    size,
    async *read(start, end) {
      if (end > start) yield* createReadStream(path, { start, end: end - 1, highWaterMark: CHUNK_BYTES });
    },
  };
}

/**
 * Incompressible bytes that depend on nothing but `seed` and offset, at gigabytes per second: an AES-CTR key stream,
 * which can be entered anywhere.
 */
export function seededBytes(seed: string): GeneratedBytes["generate"] {
  const key = createHash("sha256").update(seed).digest().subarray(0, BLOCK_BYTES);
  return (offset, length) => {
    const skip = offset % BLOCK_BYTES;
    const counter = Buffer.alloc(BLOCK_BYTES);
    counter.writeBigUInt64BE(BigInt((offset - skip) / BLOCK_BYTES), BLOCK_BYTES - 8);
    const cipher = createCipheriv("aes-128-ctr", key, counter);
    return cipher.update(Buffer.alloc(skip + length)).subarray(skip);
  };
}
