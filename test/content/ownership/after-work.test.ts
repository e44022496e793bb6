import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { AfterWork } from "../../../src/content/ownership/after-work.ts";

/** A sweep that ends when it is told to, and what it was given. */
function sweepByHand() {
  const { promise, resolve } = Promise.withResolvers<void>();
  let given: AbortSignal | undefined;
  const sweep = (signal: AbortSignal): Promise<void> => {
    given = signal;
    return promise;
  };
  return { sweep, end: resolve, signal: () => given };
}

describe("a sweep after work", () => {
  it("is waited for by the work's caller, as long as it takes no more than a moment", async () => {
    const { sweep, end } = sweepByHand();
    let isOver = false;
    const running = new AfterWork().run(sweep, {}).finally(() => {
      isOver = true;
    });
    await Promise.resolve();
    expect(isOver).toBe(false);
    end();
    await running;
  });

  it.each(["before", "while"])("holds up no caller whose signal fires %s it runs", async (when) => {
    const { sweep, signal } = sweepByHand();
    const abort = new AbortController();
    if (when === "before") abort.abort();
    const running = new AfterWork().run(sweep, { signal: abort.signal });
    abort.abort();
    await running; // although the sweep never ends
    expect(signal()?.aborted).toBe(false);
  });

  it("holds up nobody for longer than a moment, and is told to begin by then or not at all", async () => {
    const { sweep, signal } = sweepByHand();
    await new AfterWork().run(sweep, {});
    expect(signal()?.aborted).toBe(true);
  });
});

describe("settle()", () => {
  it("waits for sweeps that nobody else waits for any more", async () => {
    const { sweep, end } = sweepByHand();
    const afterWork = new AfterWork();
    await afterWork.run(sweep, { signal: AbortSignal.abort() });
    let isSettled = false;
    const settling = afterWork.settle({}).finally(() => {
      isSettled = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(isSettled).toBe(false);
    end();
    await settling;
    await afterWork.settle({});
  });

  it("makes sweeps that wait for their turn give it up when its signal fires", async () => {
    const afterWork = new AfterWork();
    const abort = new AbortController();
    const running = afterWork.run(async (signal) => void (await once(signal, "abort")), {});
    const settling = afterWork.settle({ signal: abort.signal });
    abort.abort();
    await Promise.all([settling, running]);
  });
});
