import { getEventListeners } from "node:events";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Semaphore } from "../../src/async/semaphore.ts";
import { ErrCanceled } from "../../src/errors/classes.ts";

/** Whether a promise is settled by now. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  await new Promise(setImmediate);
  const pending = Symbol("pending");
  return (await Promise.race([promise, Promise.resolve(pending)])) !== pending;
}

describe("Semaphore", () => {
  it("lets as many through as it has permits", async () => {
    const semaphore = new Semaphore(2);
    const first = await semaphore.acquire();
    await semaphore.acquire();
    const third = semaphore.acquire();
    expect(await isSettled(third)).toBe(false);
    first();
    expect(await third).toBeTypeOf("function");
  });

  it("serves in the order of asking", async () => {
    const semaphore = new Semaphore(1);
    const order: number[] = [];
    const first = await semaphore.acquire();
    const others = [1, 2, 3].map(async (number) => {
      const release = await semaphore.acquire();
      order.push(number);
      release();
    });
    first();
    await Promise.all(others);
    expect(order).toEqual([1, 2, 3]);
  });

  it("counts a permit once however often it is released", async () => {
    const semaphore = new Semaphore(1);
    const first = await semaphore.acquire();
    first();
    first();
    await semaphore.acquire();
    expect(await isSettled(semaphore.acquire())).toBe(false);
  });

  it("lets a canceled one leave the queue at once, and the next one take its place", async () => {
    const semaphore = new Semaphore(1);
    const controller = new AbortController();
    const first = await semaphore.acquire();
    const second = semaphore.acquire({ signal: controller.signal });
    const third = semaphore.acquire();
    controller.abort();
    await expect(second).rejects.toBeInstanceOf(ErrCanceled);
    first();
    (await third)();
    expect(await isSettled(semaphore.acquire())).toBe(true);
  });

  it("refuses one whose signal fired before, and keeps the permit", async () => {
    const semaphore = new Semaphore(1);
    await expect(semaphore.acquire({ signal: AbortSignal.abort() })).rejects.toBeInstanceOf(ErrCanceled);
    expect(await isSettled(semaphore.acquire())).toBe(true);
  });

  it("leaves no listener on the signal of one that got through", async () => {
    const semaphore = new Semaphore(1);
    const { signal } = new AbortController();
    const first = await semaphore.acquire({ signal });
    const second = semaphore.acquire({ signal });
    first();
    await second;
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it("never lets more through than it may and loses no permit, whoever gives up", async () => {
    const visitor = fc.record({ stay: fc.nat(3), patience: fc.option(fc.nat(6), { nil: undefined }) });
    const visitors = fc.array(visitor, { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 3 }), visitors, async (permits, visitors) => {
        const semaphore = new Semaphore(permits);
        let inside = 0;
        const visit = async ({ stay, patience }: (typeof visitors)[number]): Promise<void> => {
          const controller = new AbortController();
          if (patience !== undefined) void ticks(patience).then(() => controller.abort());
          const release = await semaphore.acquire({ signal: controller.signal });
          expect(++inside).toBeLessThanOrEqual(permits);
          await ticks(stay);
          inside--;
          release();
        };
        for (const result of await Promise.allSettled(visitors.map(visit))) {
          if (result.status === "rejected") expect(result.reason).toBeInstanceOf(ErrCanceled);
        }
        for (let i = 0; i < permits; i++) await semaphore.acquire();
        expect(await isSettled(semaphore.acquire())).toBe(false);
      }),
    );
  });
});

/** Lets others run `count` times. */
async function ticks(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await Promise.resolve();
}
