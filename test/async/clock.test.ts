import { getEventListeners } from "node:events";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { systemClock } from "../../src/async/clock.ts";
import { ErrCanceled } from "../../src/errors/classes.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("systemClock", () => {
  it("tells the time", () => {
    vi.setSystemTime(1_234);
    expect(systemClock.now()).toBe(1_234);
  });

  it("tells how much time went by, whatever the time of day is set to", () => {
    const before = systemClock.elapsed();
    vi.setSystemTime(1_234);
    expect(systemClock.elapsed()).toBe(before);
    vi.advanceTimersByTime(5_000);
    expect(systemClock.elapsed()).toBe(before + 5_000);
  });

  it("sleeps for the whole time and leaves no listener", async () => {
    const { signal } = new AbortController();
    const awake = vi.fn();
    const sleeping = systemClock.sleep(1_000, { signal }).then(awake);
    await vi.advanceTimersByTimeAsync(999);
    expect(awake).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(awake).toHaveBeenCalledOnce();
    await sleeping;
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it("wakes with ErrCanceled when the signal fires, and leaves no timer", async () => {
    const controller = new AbortController();
    const sleeping = systemClock.sleep(1_000, { signal: controller.signal });
    expect(vi.getTimerCount()).toBe(1);
    controller.abort();
    await expect(sleeping).rejects.toBeInstanceOf(ErrCanceled);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("does not fall asleep when the signal fired before", async () => {
    const sleeping = systemClock.sleep(1_000, { signal: AbortSignal.abort() });
    await expect(sleeping).rejects.toBeInstanceOf(ErrCanceled);
    expect(vi.getTimerCount()).toBe(0);
  });
});
