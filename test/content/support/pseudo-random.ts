import { createHash } from "node:crypto";

/** The same bytes for the same seed, in every process; other bytes for another one. */
export function pseudoRandom(seed: string, bytes: number): Buffer {
  if (bytes === 0) return Buffer.alloc(0);
  return createHash("shake128", { outputLength: bytes }).update(seed).digest();
}
