import { getEventListeners } from "node:events";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { KeyedLock } from "../../src/async/keyed-lock.ts";
import { ErrCanceled } from "../../src/errors/classes.ts";

describe("KeyedLock", () => {
  it("lets one in per key", () => {
    const lock = new KeyedLock();
    const release = lock.tryAcquire("a");
    expect(release).toBeTypeOf("function");
    expect(lock.tryAcquire("a")).toBeUndefined();
    expect(lock.tryAcquire("b")).toBeTypeOf("function");
    release?.();
    expect(lock.tryAcquire("a")).toBeTypeOf("function");
  });

  it("is given on in the order of asking", async () => {
    const lock = new KeyedLock();
    const order: number[] = [];
    const first = await lock.acquire("a");
    const others = [1, 2, 3].map(async (number) => {
      const release = await lock.acquire("a");
      order.push(number);
      release();
    });
    expect(order).toEqual([]);
    first();
    await Promise.all(others);
    expect(order).toEqual([1, 2, 3]);
  });

  it("cannot be snatched while it is given on", async () => {
    const lock = new KeyedLock();
    const first = await lock.acquire("a");
    const second = lock.acquire("a");
    first();
    expect(lock.tryAcquire("a")).toBeUndefined();
    (await second)();
    expect(lock.tryAcquire("a")).toBeTypeOf("function");
  });

  it("takes the second call of a release for nothing", async () => {
    const lock = new KeyedLock();
    const first = await lock.acquire("a");
    first();
    const second = await lock.acquire("a");
    first();
    expect(lock.tryAcquire("a")).toBeUndefined();
    second();
    expect(lock.tryAcquire("a")).toBeTypeOf("function");
  });

  it("lets a canceled one leave the queue at once, and the next one take its place", async () => {
    const lock = new KeyedLock();
    const controller = new AbortController();
    const first = await lock.acquire("a");
    const second = lock.acquire("a", { signal: controller.signal });
    const third = lock.acquire("a");
    controller.abort();
    await expect(second).rejects.toBeInstanceOf(ErrCanceled);
    first();
    (await third)();
    expect(lock.tryAcquire("a")).toBeTypeOf("function");
  });

  it("refuses one whose signal fired before, even when the lock is free", async () => {
    const lock = new KeyedLock();
    await expect(lock.acquire("a", { signal: AbortSignal.abort() })).rejects.toBeInstanceOf(ErrCanceled);
    expect(lock.tryAcquire("a")).toBeTypeOf("function");
  });

  it("leaves no listener on the signal of one that got it", async () => {
    const lock = new KeyedLock();
    const { signal } = new AbortController();
    const first = await lock.acquire("a", { signal });
    const second = lock.acquire("a", { signal });
    first();
    (await second)();
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it("never lets two in at once and forgets nobody, however they come, leave and give up", async () => {
    const visitor = fc.record({
      key: fc.constantFrom("a", "b"),
      stay: fc.nat(3),
      patience: fc.option(fc.nat(6), { nil: undefined }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(visitor, { maxLength: 12 }), async (visitors) => {
        const lock = new KeyedLock();
        const inside = new Map<string, number>();
        const visit = async ({ key, stay, patience }: (typeof visitors)[number]): Promise<void> => {
          const controller = new AbortController();
          if (patience !== undefined) void ticks(patience).then(() => controller.abort());
          const release = await lock.acquire(key, { signal: controller.signal });
          inside.set(key, (inside.get(key) ?? 0) + 1);
          expect(inside.get(key)).toBe(1);
          await ticks(stay);
          inside.set(key, 0);
          release();
        };
        const results = await Promise.allSettled(visitors.map(visit));
        for (const [index, result] of results.entries()) {
          if (result.status === "fulfilled") continue;
          expect(result.reason).toBeInstanceOf(ErrCanceled);
          expect(visitors[index]?.patience).toBeDefined();
        }
        expect(lock.tryAcquire("a")).toBeTypeOf("function");
        expect(lock.tryAcquire("b")).toBeTypeOf("function");
      }),
    );
  });
});

/** Lets others run `count` times. */
async function ticks(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await Promise.resolve();
}
