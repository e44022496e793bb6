import { ErrCanceled } from "../errors/classes.ts";
import { type AbortOptions, abortable } from "./abort.ts";
import { type Clock, systemClock } from "./clock.ts";
import type { WaitReason } from "./wait-reason.ts";
import type { Waiter } from "./waiting.ts";

/** What takes no longer than this, in milliseconds, is part of the work; what takes longer is waited for. */
export const PATIENCE_MS = 1_000;

/** Ends the watch over time, which nobody hears of; one for all, because an error takes longer to make than most answers to handle. */
const SETTLED = new ErrCanceled("no longer waited for");

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
export async function settlesSoon(pending: Promise<unknown>, clock: Clock): Promise<boolean> {
  const settled = new AbortController();
  const late = clock.sleep(PATIENCE_MS, { signal: settled.signal }).then(
    () => false,
    () => false,
  );
  const soon = pending.then(
    () => true,
    () => true,
  );
  try {
    return await Promise.race([soon, late]);
  } finally {
    settled.abort(SETTLED);
  }
}
