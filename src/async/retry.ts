import { type ErrorDetails, noteAttempt } from "../errors/drayage-error.ts";
import { findError, isRetryable } from "../errors/predicates.ts";
import { throwIfAborted } from "./abort.ts";
import { type BackoffPolicy, nextDelayMs } from "./backoff.ts";
import { type Clock, systemClock } from "./clock.ts";
import { countDown } from "./count-down.ts";
import { plainWaiter, type Waiter } from "./waiting.ts";

/** What surrounds the attempts of `retry`. */
export interface RetryOptions {
  readonly policy: BackoffPolicy;
  readonly signal?: AbortSignal | undefined;
  readonly clock?: Clock | undefined;
  /** Whether the failed attempt moved anything; then the count of attempts starts anew. Default: never. */
  readonly progressed?: (() => boolean) | undefined;
  /** Waits between the attempts, and shows for how long. Default: one that has nothing to give back and shows nothing. */
  readonly waiter?: Waiter | undefined;
}

/**
 * Runs `attempt` until it succeeds, fails for good (`isRetryable` says no), or the policy gives up; then the last error
 * is thrown. This is the only loop in drayage that repeats a request because it failed.
 *
 * A request that was not sent (`notSent`), because its host has asked to be left alone, is no attempt: the pause is waited
 * out and not counted. All such waits of one call together take at most as long as the policy's attempts could be told
 * to wait (`maxRetryAfterMs` after each but the last), so that a policy of one attempt waits for nobody.
 */
export async function retry<T>(attempt: (number: number) => Promise<T>, options: RetryOptions): Promise<T> {
  const { signal, clock = systemClock, waiter = plainWaiter({ signal }) } = options;
  const patience = new Patience(options);
  for (let number = 1; ; ) {
    try {
      return await attempt(number);
    } catch (cause) {
      throwIfAborted(signal);
      const error = noteAttempt(cause, number);
      const { notSent, code: errorCode } = findError(error) ?? {};
      if (!notSent) number++;
      const why = { code: notSent ? "pause" : "retry", attempt: number, errorCode } as const;
      await countDown(patience.delayAfter(error), { waiter, clock, why });
      throwIfAborted(signal);
    }
  }
}

/** What is left of a policy in one call of `retry`. */
class Patience {
  readonly #options: RetryOptions;
  #fruitless = 0;
  #pausesMs: number;

  constructor(options: RetryOptions) {
    const { maxAttempts, maxRetryAfterMs } = options.policy;
    this.#options = options;
    this.#pausesMs = maxAttempts > 1 ? (maxAttempts - 1) * maxRetryAfterMs : 0;
  }

  /** Milliseconds to wait after `error`. Throws it when there is to be no other attempt. */
  delayAfter(error: unknown): number {
    const delayMs = isRetryable(error) ? this.#delayAfter(findError(error)) : undefined;
    if (delayMs === undefined) throw error;
    return delayMs;
  }

  #delayAfter({ notSent, retryAfterMs }: ErrorDetails = {}): number | undefined {
    const { policy, progressed } = this.#options;
    if (notSent) {
      const delayMs = nextDelayMs(policy, 1, retryAfterMs);
      this.#pausesMs -= delayMs ?? 0;
      return this.#pausesMs < 0 ? undefined : delayMs;
    }
    this.#fruitless = progressed?.() ? 1 : this.#fruitless + 1;
    return nextDelayMs(policy, this.#fruitless, retryAfterMs);
  }
}
