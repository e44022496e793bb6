import { type AbortOptions, abortable } from "../../async/abort.ts";
import type { Clock } from "../../async/clock.ts";
import type { Waiter } from "../../async/waiting.ts";

/**
 * A token server that answers within this time, in milliseconds, is part of the work; a slower one is waited
 * for.
 */
const PATIENCE_MS = 1_000;

/** Who waits. */
export interface WaitPatientlyOptions extends AbortOptions {
  readonly waiter: Waiter | undefined;
  readonly clock: Clock;
}

/**
 * `pending`, for which `waiter` gives up what it holds and tells so when it takes long. Rejects when the
 * signal fires.
 */
export async function waitPatiently<T>(
  pending: Promise<T>,
  { waiter, clock, signal }: WaitPatientlyOptions,
): Promise<T> {
  if (!waiter) return await pending;
  const settled = new AbortController();
  const late = clock.sleep(PATIENCE_MS, { signal: settled.signal }).then(
    () => true,
    () => true,
  );
  try {
    if (!(await Promise.race([pending.then(() => false), late]))) return await pending;
  } finally {
    settled.abort();
  }
  return await waiter.wait("Waiting for authorization", (gone) => abortable(pending, gone ?? signal));
}
