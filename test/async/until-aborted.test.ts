import { describe, expect, it } from "vitest";
import { untilAborted } from "../../src/async/until-aborted.ts";

async function* counting(onEnd: () => void): AsyncGenerator<number> {
  try {
    for (let number = 1; number <= 3; number++) yield number;
  } finally {
    onEnd();
  }
}

describe("untilAborted()", () => {
  it("gives all items, with and without a signal", async () => {
    for (const signal of [undefined, new AbortController().signal]) {
      const seen: number[] = [];
      for await (const item of untilAborted(
        counting(() => {}),
        signal,
      ))
        seen.push(item);
      expect(seen).toEqual([1, 2, 3]);
    }
  });

  it("ends a wait for a source that hangs, with ErrCanceled", async () => {
    const controller = new AbortController();
    const hanging: AsyncIterable<number> = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise<never>(() => {}),
        return: () => new Promise<never>(() => {}),
      }),
    };
    const next = untilAborted(hanging, controller.signal).next();
    controller.abort();
    await expect(next).rejects.toMatchObject({ code: "ERR_CANCELED" });
  });

  it("tells the source when somebody stops before its end", async () => {
    let ends = 0;
    for await (const item of untilAborted(
      counting(() => ends++),
      undefined,
    )) {
      if (item === 2) break;
    }
    expect(ends).toBe(1);
  });

  it("throws what the source throws", async () => {
    const failure = new Error("broken");
    const failing: AsyncIterable<number> = {
      [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(failure) }),
    };
    await expect(untilAborted(failing, undefined).next()).rejects.toBe(failure);
  });
});
