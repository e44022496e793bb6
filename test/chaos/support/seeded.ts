import { createHash } from "node:crypto";

/** Randomness that the seed decides alone, so that a run can be had again. */
export interface Seeded {
  /** Uniform in [0, 1). */
  next(): number;
  /** Whole number in [0, bound). */
  int(bound: number): number;
  chance(probability: number): boolean;
  /** One of a list that is not empty. */
  pick<T>(list: readonly T[]): T;
  bytes(length: number): Buffer;
}

/** A stream of its own for each text: what happens to one request does not depend on what happened to others. */
export function seeded(seed: string): Seeded {
  let state = createHash("sha256").update(seed).digest().readUInt32LE(0);
  function next(): number {
    // Mulberry32: short, and good enough for choosing faults.
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
  const int = (bound: number): number => Math.floor(next() * bound);
  return {
    next,
    int,
    chance: (probability) => next() < probability,
    pick: (list) => {
      const picked = list[int(list.length)];
      if (picked === undefined) throw new RangeError("Cannot pick from an empty list");
      return picked;
    },
    bytes: (length) =>
      Buffer.from(Uint32Array.from({ length: Math.ceil(length / 4) }, () => int(2 ** 32)).buffer).subarray(
        0,
        length,
      ),
  };
}
