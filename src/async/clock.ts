import { type AbortOptions, abortError, throwIfAborted } from "./abort.ts";

/** Time as the waiting code sees it, so that tests can turn the hands themselves. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Milliseconds since some moment in the past. It only moves on: setting the time of day does not move it. */
  elapsed(): number;
  /** Resolves after `ms` milliseconds; rejects with `ErrCanceled` when the signal fires first. */
  sleep(ms: number, options?: AbortOptions): Promise<void>;
  /** As `callAfter`. Absent: made of `sleep`. */
  after?(ms: number, act: () => void): () => void;
}

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  after(ms, act) {
    const timer = setTimeout(act, ms);
    return () => clearTimeout(timer);
  },
  async sleep(ms, { signal } = {}) {
    throwIfAborted(signal);
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(done, ms);
      function done(): void {
        clearTimeout(timer);
        signal?.removeEventListener("abort", done);
        if (signal?.aborted) reject(abortError(signal));
        else resolve();
      }
      signal?.addEventListener("abort", done, { once: true });
    });
  },
};

/** Calls `act`, which must not throw, after so many milliseconds, unless the function returned is called before. */
export function callAfter(clock: Clock, ms: number, act: () => void): () => void {
  if (clock.after) return clock.after(ms, act);
  const stopped = new AbortController();
  clock.sleep(ms, { signal: stopped.signal }).then(act, () => {}); // nobody waits any more
  return () => stopped.abort();
}
