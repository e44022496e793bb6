import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type BackoffPolicy, DEFAULT_BACKOFF, nextDelayMs } from "../../src/async/backoff.ts";

const ALMOST_ONE = 1 - Number.EPSILON;

const policies: fc.Arbitrary<BackoffPolicy> = fc
  .record({
    maxAttempts: fc.integer({ min: 1, max: 2_000 }),
    baseMs: fc.integer({ min: 1, max: 10_000 }),
    maxMs: fc.integer({ min: 1, max: 100_000 }),
    maxRetryAfterMs: fc.integer({ min: 0, max: 1_000_000 }),
    luck: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  })
  .map(({ luck, ...policy }) => ({ ...policy, random: () => luck }));

describe("nextDelayMs()", () => {
  it("doubles its bound up to the largest", () => {
    const policy = { ...DEFAULT_BACKOFF, maxAttempts: 10, random: () => ALMOST_ONE };
    const delays = [1, 2, 3, 4, 5, 6, 7].map((attempt) => nextDelayMs(policy, attempt));
    expect(delays).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  });

  it("may be nothing at all: full jitter", () => {
    expect(nextDelayMs({ ...DEFAULT_BACKOFF, random: () => 0 }, 4)).toBe(0);
    expect(nextDelayMs({ ...DEFAULT_BACKOFF, random: () => 0.5 }, 2)).toBe(1_000);
  });

  it("gives up after the fifth attempt by default", () => {
    expect(nextDelayMs(DEFAULT_BACKOFF, 4)).toBeTypeOf("number");
    expect(nextDelayMs(DEFAULT_BACKOFF, 5)).toBeUndefined();
  });

  it("honours what the server asks for up to the bound, and no more", () => {
    const policy = { ...DEFAULT_BACKOFF, random: () => 0.5 };
    expect(nextDelayMs(policy, 1, 60_000)).toBe(60_500);
    expect(nextDelayMs(policy, 1, 120_000)).toBe(120_500);
    expect(nextDelayMs(policy, 1, 120_001)).toBeUndefined();
    expect(nextDelayMs(policy, 1, 0)).toBe(500);
  });

  it("stays between what was asked for and its own bound above that, or gives up", () => {
    const asked = fc.option(fc.integer({ min: 0, max: 1_000_000 }), { nil: undefined });
    fc.assert(
      fc.property(policies, fc.integer({ min: 1, max: 2_000 }), asked, (policy, attempt, retryAfterMs) => {
        const delayMs = nextDelayMs(policy, attempt, retryAfterMs);
        const hopeless = attempt >= policy.maxAttempts || (retryAfterMs ?? 0) > policy.maxRetryAfterMs;
        expect(delayMs === undefined).toBe(hopeless);
        if (delayMs === undefined) return;
        const least = retryAfterMs ?? 0;
        expect(Number.isSafeInteger(delayMs)).toBe(true);
        expect(delayMs).toBeGreaterThanOrEqual(least);
        expect(delayMs).toBeLessThanOrEqual(
          least + Math.min(policy.maxMs, policy.baseMs * 2 ** (attempt - 1)),
        );
      }),
    );
  });
});
