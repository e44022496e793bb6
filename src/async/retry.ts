import { noteAttempt } from "../errors/drayage-error.ts";
import { findError, isRetryable } from "../errors/predicates.ts";
import { throwIfAborted } from "./abort.ts";
import { type BackoffPolicy, nextDelayMs } from "./backoff.ts";
import { type Clock, systemClock } from "./clock.ts";

/** What surrounds the attempts of `retry`. */
export interface RetryOptions {
  readonly policy: BackoffPolicy;
  readonly signal?: AbortSignal | undefined;
  readonly clock?: Clock | undefined;
  /** Whether the failed attempt moved anything; then the count of attempts starts anew. Default: never. */
  readonly progressed?: (() => boolean) | undefined;
  /** Replaces the plain wait, for a caller that has something to give back or to show meanwhile. */
  readonly wait?: ((delayMs: number, error: unknown) => Promise<void>) | undefined;
}

/**
 * Runs `attempt` until it succeeds, fails for good (`isRetryable` says no), or the policy gives up; then the last error
 * is thrown. This is the only loop in drayage that repeats a request because it failed.
 */
export async function retry<T>(attempt: (number: number) => Promise<T>, options: RetryOptions): Promise<T> {
  let fruitless = 0;
  for (let number = 1; ; number++) {
    try {
      return await attempt(number);
    } catch (cause) {
      throwIfAborted(options.signal);
      const error = noteAttempt(cause, number);
      fruitless = options.progressed?.() ? 1 : fruitless + 1;
      await waitOrThrow(error, fruitless, options);
    }
  }
}

async function waitOrThrow(error: unknown, fruitless: number, options: RetryOptions): Promise<void> {
  const { policy, signal, clock = systemClock, wait } = options;
  const delayMs = isRetryable(error)
    ? nextDelayMs(policy, fruitless, findError(error)?.retryAfterMs)
    : undefined;
  if (delayMs === undefined) throw error;
  if (wait) await wait(delayMs, error);
  else await clock.sleep(delayMs, { signal });
}
