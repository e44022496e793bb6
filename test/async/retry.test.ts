import { describe, expect, it } from "vitest";
import type { BackoffPolicy } from "../../src/async/backoff.ts";
import { retry } from "../../src/async/retry.ts";
import { plainWaiter, type Waiter } from "../../src/async/waiting.ts";
import { ErrCanceled, ErrNotFound, ErrResourceExhausted, ErrUnavailable } from "../../src/errors/classes.ts";
import { FakeClock } from "./fake-clock.ts";

const POLICY: BackoffPolicy = {
  maxAttempts: 4,
  baseMs: 100,
  maxMs: 1_000,
  maxRetryAfterMs: 5_000,
  random: () => 0.5,
};

/** An attempt that fails with each of `errors` in turn and then succeeds; `numbers` holds what it was called with. */
function failing(...errors: readonly unknown[]) {
  const numbers: number[] = [];
  const attempt = async (number: number): Promise<string> => {
    numbers.push(number);
    if (number <= errors.length) throw errors[number - 1];
    return "done";
  };
  return { attempt, numbers };
}

const held = (retryAfterMs = 1_000): ErrUnavailable =>
  new ErrUnavailable("not sent", { notSent: true, retryAfterMs });

describe("retry()", () => {
  it("gives the result of the first attempt without waiting", async () => {
    const clock = new FakeClock();
    const { attempt, numbers } = failing();
    await expect(retry(attempt, { policy: POLICY, clock })).resolves.toBe("done");
    expect(numbers).toEqual([1]);
    expect(clock.sleeps).toEqual([]);
  });

  it("waits longer after each attempt", async () => {
    const clock = new FakeClock();
    const { attempt, numbers } = failing(...[1, 2, 3].map((n) => new ErrUnavailable(`try ${n}`)));
    await expect(retry(attempt, { policy: POLICY, clock })).resolves.toBe("done");
    expect(numbers).toEqual([1, 2, 3, 4]);
    expect(clock.sleeps).toEqual([50, 100, 200]);
  });

  it("throws the last error when the policy gives up", async () => {
    const clock = new FakeClock();
    const errors = [1, 2, 3, 4].map((n) => new ErrUnavailable(`try ${n}`));
    await expect(retry(failing(...errors).attempt, { policy: POLICY, clock })).rejects.toBe(errors[3]);
    expect(clock.sleeps).toHaveLength(3);
  });

  it.each([new ErrNotFound("x"), new ErrUnavailable("x", { retryable: false }), new Error("x"), "x"])(
    "throws %s at once",
    async (error) => {
      const clock = new FakeClock();
      await expect(retry(failing(error).attempt, { policy: POLICY, clock })).rejects.toBe(error);
      expect(clock.sleeps).toEqual([]);
    },
  );

  it("waits as long as the server asks, also when that error is wrapped", async () => {
    const clock = new FakeClock();
    const limited = new ErrResourceExhausted("429", { retryable: true, retryAfterMs: 3_000 });
    const { attempt } = failing(limited, new Error("get blob", { cause: limited }));
    await retry(attempt, { policy: POLICY, clock });
    expect(clock.sleeps).toEqual([50, 1_000, 1_000, 1_000, 100, 1_000, 1_000, 1_000]);
  });

  it("gives up when the server asks for too long", async () => {
    const clock = new FakeClock();
    const limited = new ErrUnavailable("503", { retryAfterMs: 5_001 });
    await expect(retry(failing(limited).attempt, { policy: POLICY, clock })).rejects.toBe(limited);
  });

  it("counts anew after an attempt that moved something", async () => {
    const clock = new FakeClock();
    const errors = Array.from({ length: 10 }, (_, n) => new ErrUnavailable(`try ${n + 1}`));
    const { attempt, numbers } = failing(...errors);
    const moved = new Set([3, 6, 9]);
    const progressed = (): boolean => moved.has(numbers.length);
    await expect(retry(attempt, { policy: POLICY, clock, progressed })).resolves.toBe("done");
    expect(numbers).toHaveLength(11);
    expect(clock.sleeps).toEqual([50, 100, 50, 100, 200, 50, 100, 200, 50, 100]);
  });

  it("waits by the waiter, with the seconds left as the reason", async () => {
    const clock = new FakeClock();
    const reasons: string[] = [];
    const waiter = plainWaiter({ show: ({ words }) => reasons.push(words) });
    const busy = new ErrUnavailable("x", { retryAfterMs: 2_000 });
    await retry(failing(busy).attempt, { policy: POLICY, clock, waiter });
    expect(reasons).toEqual(["Retrying in 3 seconds", "Retrying in 2 seconds", "Retrying in 1 second"]);
    expect(clock.sleeps).toEqual([50, 1_000, 1_000]);
  });

  it("throws what the waiter throws", async () => {
    const stop = new ErrCanceled("stop");
    const waiter: Waiter = { wait: () => Promise.reject(stop) };
    const { attempt, numbers } = failing(new ErrUnavailable("x"));
    await expect(retry(attempt, { policy: POLICY, waiter })).rejects.toBe(stop);
    expect(numbers).toEqual([1]);
  });

  describe("with a request that was not sent", () => {
    it("waits the pause out and does not count it", async () => {
      const clock = new FakeClock();
      const errors = [held(), held(), new ErrUnavailable("1"), held(), new ErrUnavailable("2"), held()];
      const numbers: number[] = [];
      const attempt = async (number: number): Promise<number> => {
        numbers.push(number);
        const error = errors.shift();
        if (error) throw error;
        return number;
      };
      await expect(retry(attempt, { policy: { ...POLICY, maxAttempts: 3 }, clock })).resolves.toBe(3);
      expect(numbers).toEqual([1, 1, 1, 2, 2, 3, 3]);
    });

    it("does not wait for a pause that is too long", async () => {
      const clock = new FakeClock();
      const error = held(5_001);
      await expect(retry(failing(error).attempt, { policy: POLICY, clock })).rejects.toBe(error);
      expect(clock.sleeps).toEqual([]);
    });

    it("does not wait when there would be no second attempt either", async () => {
      const clock = new FakeClock();
      const error = held();
      const policy = { ...POLICY, maxAttempts: 1 };
      await expect(retry(failing(error).attempt, { policy, clock })).rejects.toBe(error);
      expect(clock.sleeps).toEqual([]);
    });

    it("gives up when a host asks for one pause after the other", async () => {
      const clock = new FakeClock();
      await expect(retry(() => Promise.reject(held(4_000)), { policy: POLICY, clock })).rejects.toMatchObject(
        { notSent: true },
      );
      const { maxAttempts, maxRetryAfterMs } = POLICY;
      expect(clock.elapsed()).toBeLessThanOrEqual((maxAttempts - 1) * maxRetryAfterMs);
      expect(clock.elapsed()).toBeGreaterThan(2 * maxRetryAfterMs);
    });
  });

  it("ends with ErrCanceled when an attempt fails for good because the signal fired", async () => {
    const controller = new AbortController();
    const clock = new FakeClock();
    const attempt = async (): Promise<never> => {
      controller.abort();
      throw new ErrNotFound("socket closed");
    };
    const { signal } = controller;
    await expect(retry(attempt, { policy: POLICY, clock, signal })).rejects.toBeInstanceOf(ErrCanceled);
    expect(clock.sleeps).toEqual([]);
  });

  it("ends with ErrCanceled when the signal fires during the wait", async () => {
    const controller = new AbortController();
    const { attempt, numbers } = failing(new ErrUnavailable("x"));
    const policy = { ...POLICY, baseMs: 1_000_000, maxMs: 1_000_000 };
    const done = retry(attempt, { policy, signal: controller.signal });
    setImmediate(() => controller.abort());
    await expect(done).rejects.toBeInstanceOf(ErrCanceled);
    expect(numbers).toEqual([1]);
  });

  it("notes on the error which attempt it ended", async () => {
    const failing = retry(
      async (number) => {
        throw new ErrUnavailable(`attempt ${number}`);
      },
      { policy: { ...POLICY, maxAttempts: 3 }, clock: new FakeClock() },
    );
    await expect(failing).rejects.toMatchObject({ message: "attempt 3", attempt: 3 });
  });
});
