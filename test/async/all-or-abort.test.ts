import { getEventListeners } from "node:events";
import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { allOrAbort } from "../../src/async/all-or-abort.ts";
import { ErrCanceled, ErrNotFound } from "../../src/errors/classes.ts";

const MANY = 100;

/** Tasks that write down that they have begun, and then do `work`. */
function tasksOf(count: number, begun: number[], work: (at: number) => Promise<void> = async () => {}) {
  return Array.from({ length: count }, (_, at) => async (): Promise<number> => {
    begun.push(at);
    await work(at);
    return at;
  });
}

describe("allOrAbort()", () => {
  it("gives the results of all, in their order, however many there are", async () => {
    const begun: number[] = [];
    const all = Array.from({ length: MANY }, (_, at) => at);
    expect(await allOrAbort(tasksOf(MANY, begun))).toEqual(all);
    expect(begun).toEqual(all);
  });

  it("lets what the first ones have begun go on before the last ones begin", async () => {
    const begun: number[] = [];
    let begunAtAnswer: number | undefined;
    const ask = async (at: number): Promise<void> => {
      if (at > 0) return;
      await nextTurn(); // as the network needs one
      begunAtAnswer = begun.length;
    };
    await allOrAbort(tasksOf(MANY, begun, ask));
    expect(begunAtAnswer).toBeLessThan(MANY);
    expect(begun).toHaveLength(MANY);
  });

  it("begins none after the first failure", async () => {
    const failure = new ErrNotFound("no such layer");
    const begun: number[] = [];
    const fail = async (at: number): Promise<void> => {
      if (at === 3) throw failure;
    };
    await expect(allOrAbort(tasksOf(MANY, begun, fail))).rejects.toBe(failure);
    expect(begun.length).toBeLessThan(MANY);
  });

  it("passes the reason of its signal on to all that run, and listens to it no longer than that", async () => {
    const controller = new AbortController();
    const reason = new ErrNotFound("it was removed meanwhile");
    const seen: AbortSignal[] = [];
    const wait = async (signal: AbortSignal): Promise<void> => {
      seen.push(signal);
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    };
    const running = allOrAbort([wait, wait], { signal: controller.signal });
    controller.abort(reason);
    await expect(running).rejects.toBe(reason);
    expect(seen.map((signal) => signal.reason as unknown)).toEqual([reason, reason]);
    expect(getEventListeners(controller.signal, "abort")).toEqual([]);
  });

  it("begins none after the signal has fired, and throws its error", async () => {
    const controller = new AbortController();
    const begun: number[] = [];
    const running = allOrAbort(tasksOf(MANY, begun), { signal: controller.signal });
    controller.abort();
    await expect(running).rejects.toBeInstanceOf(ErrCanceled);
    expect(begun.length).toBeLessThan(MANY);
  });
});
