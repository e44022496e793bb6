import { createCipheriv, createHash } from "node:crypto";

/** Bytes per chunk. */
const CHUNK_BYTES = 1024 * 1024;

/**
 * `length` bytes that look random and are the same for the same seed: the key stream of AES-CTR, at several GiB per second.
 * They do not compress.
 */
export function* pseudoRandom(seed: string, length: number): Generator<Buffer> {
  const key = createHash("sha256").update(seed).digest();
  const cipher = createCipheriv("aes-256-ctr", key, Buffer.alloc(16));
  const zeros = Buffer.alloc(CHUNK_BYTES);
  for (let left = length; left > 0; left -= CHUNK_BYTES) {
    yield cipher.update(zeros.subarray(0, Math.min(left, CHUNK_BYTES)));
  }
}
