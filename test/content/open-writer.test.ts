import { describe, expect, it } from "vitest";
import type { Clock } from "../../src/async/clock.ts";
import { openWriter } from "../../src/content/open-writer.ts";
import type { Ingester, Writer } from "../../src/content/store.ts";
import { ErrCanceled, ErrDeadlineExceeded, ErrNotFound, ErrUnavailable } from "../../src/errors/classes.ts";

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
