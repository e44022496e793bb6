import { type AbortOptions, throwIfAborted } from "./abort.ts";
import { allOrAbort } from "./all-or-abort.ts";

/** How many are worked on at once; at least 1. */
export interface WithinOptions extends AbortOptions {
  readonly limit: number;
}

/**
 * Does `work` for each item, for at most `limit` of them at once, in their order. The first failure aborts the signal that
 * the others work with, and is thrown once they have ended. Throws the abort error when the signal fires.
 */
export async function forEachWithin<T>(
  items: readonly T[],
  work: (item: T, signal: AbortSignal) => Promise<void>,
  { limit, signal }: WithinOptions,
): Promise<void> {
  const left = items.values(); // all workers take from the same iterator
  const worker = async (shared: AbortSignal): Promise<void> => {
    for (const item of left) {
      throwIfAborted(shared);
      await work(item, shared);
    }
  };
  const count = Math.min(limit, items.length);
  await allOrAbort(
    Array.from({ length: count }, () => worker),
    { signal },
  );
}
