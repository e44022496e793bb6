import { describe, expect, it } from "vitest";
import { Semaphore } from "../../src/async/semaphore.ts";
import { isCanceled, isInvalidArgument } from "../../src/errors.ts";
import { dispatch } from "../../src/images/dispatch.ts";
import { ErrSkipDesc, type Handler, handlers } from "../../src/images/handler.ts";
import { drawn, named } from "./support.ts";

describe("dispatch()", () => {
  it("visits every descriptor once", async () => {
    const seen: string[] = [];
    await dispatch(drawn({ root: ["a", "b"], a: ["c"], b: ["c"], c: [] }, seen), [named("root")]);
    expect(seen.toSorted()).toEqual(["a", "b", "c", "root"]);
  });

  it("runs siblings side by side", async () => {
    const both = Promise.withResolvers<void>();
    let inside = 0;
    const meeting: Handler = async () => {
      if (++inside === 2) both.resolve();
      await both.promise; // would never settle if one waited for the other
      return [];
    };
    await dispatch(meeting, [named("a"), named("b")]);
    expect(inside).toBe(2);
  });

  it("never runs more handlers than the limiter lets through, and does not block on depth", async () => {
    let running = 0;
    let most = 0;
    const graph = drawn({ root: ["a", "b", "c"], a: ["a1"], b: ["b1"], c: [], a1: ["a2"], b1: [], a2: [] });
    const counted: Handler = async (descriptor, options) => {
      most = Math.max(most, ++running);
      await Promise.resolve();
      running--;
      return graph(descriptor, options);
    };
    await dispatch(counted, [named("root")], { limiter: new Semaphore(1) });
    expect(most).toBe(1);
  });

  it("aborts the others at the first error and throws it after all have ended", async () => {
    let ended = false;
    const handler: Handler = async ({ digest }, { signal }) => {
      if (digest === named("bad").digest) throw new Error("broken");
      await new Promise<void>((resolve) =>
        signal?.addEventListener("abort", () => resolve(), { once: true }),
      );
      ended = true;
      return [];
    };
    await expect(dispatch(handler, [named("slow"), named("bad")])).rejects.toThrow("broken");
    expect(ended).toBe(true);
  });

  it("does not go below a descriptor that is skipped", async () => {
    const seen: string[] = [];
    const graph = drawn({ root: ["a"], a: [] }, seen);
    await dispatch(
      handlers(graph, async () => {
        throw ErrSkipDesc;
      }),
      [named("root")],
    );
    expect(seen).toEqual(["root"]);
  });

  it("refuses a cycle", async () => {
    const cyclic = dispatch(drawn({ root: ["a"], a: ["root"] }), [named("root")]);
    expect(isInvalidArgument(await cyclic.catch((cause: unknown) => cause))).toBe(true);
  });

  it("rejects with ErrCanceled when the caller's signal fires", async () => {
    const abort = new AbortController();
    const waiting: Handler = (_, { signal }) =>
      new Promise((_resolve, reject) => {
        signal?.addEventListener("abort", () => reject(new Error("socket closed")), { once: true });
        abort.abort();
      });
    const error = await dispatch(waiting, [named("a")], { signal: abort.signal }).catch(
      (cause: unknown) => cause,
    );
    expect(isCanceled(error)).toBe(true);
  });
});
