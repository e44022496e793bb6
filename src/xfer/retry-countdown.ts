import type { AbortOptions } from "../async/abort.ts";
import type { Clock } from "../async/clock.ts";
import { type ProgressSink, update } from "../progress/progress.ts";

/** One step of a countdown, in milliseconds. */
const SECOND_MS = 1_000;

/** Who counts down, and where it shows. */
export interface CountdownOptions extends AbortOptions {
  readonly id: string;
  readonly progress: ProgressSink;
  readonly clock: Clock;
}

/**
 * Waits `delayMs` and shows "Retrying in N seconds" from the first moment on, once for each second left, in docker's words
 * ("1 second" at the end, never "0 seconds"). A broken second comes first and shows as a whole one. Rejects with
 * `ErrCanceled` when the signal fires.
 */
export async function countDown(delayMs: number, options: CountdownOptions): Promise<void> {
  const { id, progress, clock, signal } = options;
  const steps = Math.ceil(delayMs / SECOND_MS);
  for (let left = steps; left > 0; left--) {
    progress(update(id, `Retrying in ${left} second${left === 1 ? "" : "s"}`, 0, 0));
    const stepMs = left === steps ? delayMs - (steps - 1) * SECOND_MS : SECOND_MS;
    await clock.sleep(stepMs, { signal });
  }
}
