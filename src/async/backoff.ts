/** How long to wait between attempts; one policy serves every retry in drayage. */
export interface BackoffPolicy {
  /**
   * Attempts without any progress before giving up, the first one included.
   * @unit attempts
   * @defaultValue 5 (`DEFAULT_BACKOFF`)
   * @avoid in `DistributionOptions.backoff` where `maxDownloadAttempts` is given, which counts instead
   * @example maxAttempts: 3
   */
  readonly maxAttempts: number;
  /**
   * Upper bound of the first delay, in milliseconds; it doubles with each attempt.
   * @defaultValue 1,000
   * @example baseMs: 500
   */
  readonly baseMs: number;
  /**
   * Upper bound of any delay that we choose ourselves, in milliseconds.
   * @defaultValue 30,000
   * @example maxMs: 10_000
   */
  readonly maxMs: number;
  /**
   * Longest `Retry-After` that is honoured, in milliseconds; a server that asks for more gets no further request.
   * @defaultValue 120,000
   * @example maxRetryAfterMs: 600_000
   */
  readonly maxRetryAfterMs: number;
  /**
   * Uniform random number in [0, 1), which spreads clients that failed together.
   * @defaultValue `Math.random`
   * @avoid outside of tests
   * @example random: () => 0.5
   */
  readonly random: () => number;
}

/** Five attempts like moby's `max-download-attempts`; full jitter below 1, 2, 4, 8 s; `Retry-After` up to two minutes. */
export const DEFAULT_BACKOFF: BackoffPolicy = {
  maxAttempts: 5,
  baseMs: 1_000,
  maxMs: 30_000,
  maxRetryAfterMs: 120_000,
  random: Math.random,
};

/**
 * Milliseconds to wait before the next attempt, or `undefined` to give up. `attempt` is the number of attempts without
 * progress so far. The delay is uniform between 0 and the doubling bound ("full jitter": clients that failed together do
 * not come back together); what the server asked for is added below it, never cut short.
 */
export function nextDelayMs(
  policy: BackoffPolicy,
  attempt: number,
  retryAfterMs?: number,
): number | undefined {
  if (attempt >= policy.maxAttempts) return undefined;
  if (retryAfterMs !== undefined && retryAfterMs > policy.maxRetryAfterMs) return undefined;
  const bound = Math.min(policy.maxMs, policy.baseMs * 2 ** (attempt - 1));
  return Math.round((retryAfterMs ?? 0) + policy.random() * bound);
}
