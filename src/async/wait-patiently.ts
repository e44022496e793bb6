import { type AbortOptions, abortable } from "./abort.ts";
import { type Clock, callAfter, systemClock } from "./clock.ts";
import type { WaitReason } from "./wait-reason.ts";
import type { Waiter } from "./waiting.ts";

/** What takes no longer than this, in milliseconds, is part of the work; what takes longer is waited for. */
export const PATIENCE_MS = 1_000;

/** Who waits, and for what. */
export interface WaitPatientlyOptions extends AbortOptions {
  /** What is waited for. */
  readonly reason: string | WaitReason;
  readonly waiter: Waiter | undefined;
  readonly clock?: Clock | undefined;
}

/**
 * `pending`, for which `waiter` gives up what it holds and tells so when it takes long. Rejects when the
 * signal fires.
 */
export async function waitPatiently<T>(
  pending: Promise<T>,
  { reason, waiter, clock = systemClock, signal }: WaitPatientlyOptions,
): Promise<T> {
  if (!waiter || (await settlesSoon(pending, clock))) return await pending;
  return await waiter.wait(reason, (gone) => abortable(pending, gone ?? signal));
}

/** Does the same for what ends by itself when the waiter's signal fires, and then may have an outcome all the same. */
export async function waitOut<T>(
  pending: Promise<T>,
  { reason, waiter, clock = systemClock }: Omit<WaitPatientlyOptions, "signal">,
): Promise<T> {
  if (!waiter || (await settlesSoon(pending, clock))) return await pending;
  return await waiter.wait(reason, () => pending);
}

/** Whether a promise settles within `PATIENCE_MS`. */
export function settlesSoon(pending: Promise<unknown>, clock: Clock): Promise<boolean> {
  return new Promise((resolve) => {
    const stop = callAfter(clock, PATIENCE_MS, () => resolve(false));
    const settled = (): void => {
      stop();
      resolve(true);
    };
    pending.then(settled, settled);
  });
}
