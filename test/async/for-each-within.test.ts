import { describe, expect, it } from "vitest";
import { forEachWithin } from "../../src/async/for-each-within.ts";
import { ErrCanceled, ErrNotFound } from "../../src/errors/classes.ts";

/** Work that ends when it is told to. */
async function untilAborted(_: unknown, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
}

describe("forEachWithin()", () => {
  it("works on a limited number of items at once, in their order", async () => {
    let running = 0;
    let most = 0;
    const begun: number[] = [];
    const work = async (item: number): Promise<void> => {
      begun.push(item);
      most = Math.max(most, ++running);
      await Promise.resolve();
      running--;
    };
    await forEachWithin([1, 2, 3, 4, 5], work, { limit: 2 });
    expect(begun).toEqual([1, 2, 3, 4, 5]);
    expect(most).toBe(2);
  });

  it("throws the first failure when the others have ended, and begins no more", async () => {
    const failure = new ErrNotFound("no such content");
    const begun: string[] = [];
    let ended = false;
    const work = async (item: string, signal: AbortSignal): Promise<void> => {
      begun.push(item);
      if (item === "bad") throw failure;
      await untilAborted(item, signal);
      ended = true;
    };
    await expect(forEachWithin(["slow", "bad", "late"], work, { limit: 2 })).rejects.toBe(failure);
    expect(begun).toEqual(["slow", "bad"]);
    expect(ended).toBe(true);
  });

  it("throws the abort error when the signal fires", async () => {
    const controller = new AbortController();
    const done = forEachWithin([1, 2, 3], untilAborted, { limit: 1, signal: controller.signal });
    controller.abort();
    await expect(done).rejects.toBeInstanceOf(ErrCanceled);
  });
});
