import type { Clock } from "./clock.ts";
import type { WaitReason } from "./wait-reason.ts";
import type { Waiter } from "./waiting.ts";

/** One step of a countdown, in milliseconds. */
const SECOND_MS = 1_000;

/** Who counts down, and by which clock. */
export interface CountdownOptions {
  readonly waiter: Waiter;
  readonly clock: Clock;
  /** What led to the wait, and what follows. Default: a failure. */
  readonly why?: Pick<WaitReason, "code" | "attempt" | "errorCode"> | undefined;
}

/**
 * Waits `delayMs` with the reason "Retrying in N seconds" from the first moment on, once for each second left, in docker's
 * words ("1 second" at the end, never "0 seconds"). A broken second comes first and shows as a whole one. Rejects with
 * `ErrCanceled` when the waiter's signal fires.
 */
export async function countDown(delayMs: number, { waiter, clock, why }: CountdownOptions): Promise<void> {
  const steps = Math.ceil(delayMs / SECOND_MS);
  if (steps === 0) return;
  // The later waits are inside the first one, so that nothing is taken back between two seconds.
  await waiter.wait({ code: "retry", ...why, words: words(steps), waitMs: delayMs }, async (signal) => {
    await clock.sleep(delayMs - (steps - 1) * SECOND_MS, { signal });
    for (let left = steps - 1; left > 0; left--) {
      const reason = { code: "retry", ...why, words: words(left), waitMs: left * SECOND_MS } as const;
      await waiter.wait(reason, () => clock.sleep(SECOND_MS, { signal }));
    }
  });
}

function words(seconds: number): string {
  return `Retrying in ${seconds} second${seconds === 1 ? "" : "s"}`;
}
