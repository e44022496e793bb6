import { describe, expect, it } from "vitest";
import type { Clock } from "../../src/async/clock.ts";
import { plainWaiter, type Waiter } from "../../src/async/waiting.ts";
import { openWriter } from "../../src/content/open-writer.ts";
import type { Ingester, Writer } from "../../src/content/store.ts";
import { ErrCanceled, ErrDeadlineExceeded, ErrNotFound, ErrUnavailable } from "../../src/errors/classes.ts";
import { isRetryable } from "../../src/errors/predicates.ts";

const WRITER = {} as Writer;
const LOCKED = new ErrUnavailable("ref r locked for 1ms");

/** Fails with the errors given, one per call, then opens. */
function ingester(...errors: unknown[]): Ingester & { calls: number } {
  return {
    calls: 0,
    async writer() {
      const error = errors[this.calls++];
      if (error !== undefined) throw error;
      return WRITER;
    },
  };
}

function recordingClock(): Clock & { readonly sleeps: number[] } {
  const sleeps: number[] = [];
  return { sleeps, now: () => 0, elapsed: () => 0, sleep: async (ms) => void sleeps.push(ms) };
}

describe("openWriter()", () => {
  it("opens at once when the ref is free", async () => {
    const clock = recordingClock();
    expect(await openWriter(ingester(), { ref: "r", clock })).toBe(WRITER);
    expect(clock.sleeps).toEqual([]);
  });

  it("waits while the ref is locked, at random below 16 ms doubling to 2048 ms", async () => {
    const clock = recordingClock();
    const locked = ingester(...Array.from({ length: 50 }, () => LOCKED));
    expect(await openWriter(locked, { ref: "r", clock })).toBe(WRITER);
    expect(clock.sleeps).toHaveLength(50);
    for (const [i, ms] of clock.sleeps.entries())
      expect(ms).toBeLessThanOrEqual(Math.min(2_048, 16 * 2 ** i));
    expect(Math.max(...clock.sleeps)).toBeGreaterThan(512);
    expect(new Set(clock.sleeps).size).toBeGreaterThan(10);
  });

  it("waits by the waiter, once for all attempts, when the first one finds a lock", async () => {
    const reasons: string[] = [];
    const waiter = plainWaiter({ show: ({ words }) => reasons.push(words) });
    const clock = recordingClock();
    expect(await openWriter(ingester(LOCKED, LOCKED, LOCKED), { ref: "r", clock, waiter })).toBe(WRITER);
    expect(await openWriter(ingester(), { ref: "r", clock, waiter })).toBe(WRITER);
    expect(reasons).toEqual(["Waiting for another process"]);
  });

  it("closes a writer that nobody wants any more when the wait is over", async () => {
    let closed = 0;
    const writer = { close: async () => void closed++ } as Writer;
    let calls = 0;
    const late: Ingester = {
      writer: () => (calls++ === 0 ? Promise.reject(LOCKED) : Promise.resolve(writer)),
    };
    const waiter: Waiter = {
      async wait(_, work) {
        await work(undefined);
        throw new ErrCanceled("the last one has left");
      },
    };
    const opening = openWriter(late, { ref: "r", clock: recordingClock(), waiter });
    await expect(opening).rejects.toThrow("the last one has left");
    expect(closed).toBe(1);
  });

  it("gives a store up that is down, for good", async () => {
    const down = new ErrUnavailable("connect ENOENT /run/store.sock", { endpoint: "unix:///run/store.sock" });
    const clock = recordingClock();
    const error: unknown = await openWriter(ingester(...Array.from({ length: 50 }, () => down)), {
      ref: "r",
      clock,
    }).catch((cause: unknown) => cause);
    expect(error).toMatchObject({
      name: "ErrUnavailable",
      message: "open writer for ref r: the content store is not available: connect ENOENT /run/store.sock",
    });
    expect(isRetryable(error)).toBe(false);
    expect(clock.sleeps.length).toBeLessThan(15);
  });

  it("outlasts a store that is down for a moment, and locks before and after", async () => {
    const down = new ErrUnavailable("no connection");
    const errors = [LOCKED, down, down, ...Array.from({ length: 30 }, () => LOCKED), down];
    expect(await openWriter(ingester(...errors), { ref: "r", clock: recordingClock() })).toBe(WRITER);
  });

  it("throws any other error at once", async () => {
    const broken = ingester(LOCKED, new ErrNotFound("gone"), LOCKED);
    await expect(openWriter(broken, { ref: "r", clock: recordingClock() })).rejects.toThrow(ErrNotFound);
    expect(broken.calls).toBe(2);
  });

  it("throws ErrCanceled with the lock as cause when the wait is aborted", async () => {
    const controller = new AbortController();
    const locked = ingester(LOCKED, LOCKED, LOCKED);
    const opening = openWriter(locked, { ref: "r", signal: controller.signal });
    controller.abort();
    const error: unknown = await opening.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ErrCanceled);
    expect(error).toMatchObject({ message: "context canceled: ref r locked for 1ms", cause: LOCKED });
  });

  it("throws ErrDeadlineExceeded when the time is up", async () => {
    const controller = new AbortController();
    const opening = openWriter(ingester(LOCKED, LOCKED), { ref: "r", signal: controller.signal });
    controller.abort(new DOMException("time is up", "TimeoutError"));
    await expect(opening).rejects.toThrow(ErrDeadlineExceeded);
    await expect(opening).rejects.toMatchObject({ cause: LOCKED });
  });
});
