/** Numbers that a seed determines (mulberry32). */
export interface Random {
  /** A whole number from 0 on, below `limit`. */
  below(limit: number): number;
  pick<T>(list: readonly T[]): T;
}

/** Starts a sequence. */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  const below = (limit: number): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
  return {
    below,
    pick<T>(list: readonly T[]): T {
      const picked = list[below(list.length)];
      if (picked === undefined) throw new TypeError("cannot pick from an empty list");
      return picked;
    },
  };
}
