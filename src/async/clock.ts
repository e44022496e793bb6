import { type AbortOptions, abortError, throwIfAborted } from "./abort.ts";

/** Time as the waiting code sees it, so that tests can turn the hands themselves. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Milliseconds since some moment in the past. It only moves on: setting the time of day does not move it. */
  elapsed(): number;
  /** Resolves after `ms` milliseconds; rejects with `ErrCanceled` when the signal fires first. */
  sleep(ms: number, options?: AbortOptions): Promise<void>;
}

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
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
