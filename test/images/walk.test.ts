import { describe, expect, it } from "vitest";
import { isCanceled, isInvalidArgument } from "../../src/errors.ts";
import { MAX_GRAPH_DEPTH, MAX_GRAPH_DESCRIPTORS } from "../../src/images/graph-guard.ts";
import { ErrSkipDesc, ErrStopHandler, handlers } from "../../src/images/handler.ts";
import { walk } from "../../src/images/walk.ts";
import { drawn, named } from "./support.ts";

describe("handlers()", () => {
  it("joins the children of all handlers in order", async () => {
    const both = handlers(
      async () => [named("a")],
      async () => [named("b")],
    );
    expect(await both(named("root"), {})).toEqual([named("a"), named("b")]);
  });

  it("keeps the children before ErrStopHandler and runs nothing behind it", async () => {
    const both = handlers(
      async () => [named("a")],
      async () => {
        throw ErrStopHandler;
      },
      async () => [named("never")],
    );
    expect(await both(named("root"), {})).toEqual([named("a")]);
  });

  it("passes every other error on, ErrSkipDesc too", async () => {
    const skipping = handlers(async () => {
      throw ErrSkipDesc;
    });
    await expect(skipping(named("root"), {})).rejects.toBe(ErrSkipDesc);
  });
});

describe("walk()", () => {
  it("visits depth first, parents before children", async () => {
    const seen: string[] = [];
    await walk(drawn({ root: ["a", "b"], a: ["a1"], a1: [], b: [] }, seen), [named("root")]);
    expect(seen).toEqual(["root", "a", "a1", "b"]);
  });

  it("goes on beside a descriptor that a handler skips", async () => {
    const seen: string[] = [];
    const graph = drawn({ root: ["a", "b"], a: ["a1"], a1: [], b: [] }, seen);
    const skipA = handlers(graph, async ({ digest }) => {
      if (digest === named("a").digest) throw ErrSkipDesc;
      return [];
    });
    await walk(skipA, [named("root")]);
    expect(seen).toEqual(["root", "a", "b"]);
  });

  it("stops at the first error", async () => {
    const seen: string[] = [];
    const failing = handlers(drawn({ root: ["a", "b"], a: [], b: [] }, seen), async ({ digest }) => {
      if (digest === named("a").digest) throw new Error("broken");
      return [];
    });
    await expect(walk(failing, [named("root")])).rejects.toThrow("broken");
    expect(seen).toEqual(["root", "a"]);
  });

  it("visits a descriptor once however many parents it has", async () => {
    const seen: string[] = [];
    await walk(drawn({ root: ["a", "b"], a: ["shared"], b: ["shared"], shared: [] }, seen), [named("root")]);
    expect(seen).toEqual(["root", "a", "shared", "b"]);
  });

  it("refuses a graph that contains itself", async () => {
    const error = await walk(drawn({ root: ["a"], a: ["root"] }), [named("root")]).catch(
      (cause: unknown) => cause,
    );
    expect(isInvalidArgument(error)).toBe(true);
    expect((error as Error).message).toContain("it contains itself");
  });

  it("refuses a graph that is nested too deep", async () => {
    let level = 0;
    const endless = async () => [named(`level ${++level}`)];
    const error = await walk(endless, [named("root")]).catch((cause: unknown) => cause);
    expect((error as Error).message).toContain(`nested deeper than ${MAX_GRAPH_DEPTH} levels`);
    expect(level).toBe(MAX_GRAPH_DEPTH + 1);
  });

  it("refuses a graph with too many descriptors", async () => {
    const children = Array.from({ length: MAX_GRAPH_DESCRIPTORS + 1 }, (_, index) => named(`child ${index}`));
    const wide = async () => children;
    const error = await walk(wide, [named("root")]).catch((cause: unknown) => cause);
    expect((error as Error).message).toContain(`more than ${MAX_GRAPH_DESCRIPTORS} descriptors`);
  });

  it("ends when the signal fires", async () => {
    const abort = new AbortController();
    const stopping = handlers(drawn({ root: ["a"], a: [] }), async () => {
      abort.abort();
      return [];
    });
    const error = await walk(stopping, [named("root")], { signal: abort.signal }).catch(
      (cause: unknown) => cause,
    );
    expect(isCanceled(error)).toBe(true);
  });
});
