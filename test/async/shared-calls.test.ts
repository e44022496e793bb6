import { AsyncLocalStorage } from "node:async_hooks";
import { describe, expect, it } from "vitest";
import { SharedCalls } from "../../src/async/shared-calls.ts";

/** Calls that the test ends by hand. */
function pendingCalls() {
  const calls: Array<PromiseWithResolvers<string> & { readonly signal: AbortSignal }> = [];
  const start = (signal: AbortSignal): Promise<string> => {
    const call = { ...Promise.withResolvers<string>(), signal };
    calls.push(call);
    return call.promise;
  };
  return { calls, start };
}

describe("SharedCalls.run()", () => {
  it("shares one call among those who ask while it runs", async () => {
    const { calls, start } = pendingCalls();
    const shared = new SharedCalls<string>();
    const answers = [shared.run("a", start), shared.run("a", start), shared.run("b", start)];
    expect(calls).toHaveLength(2);
    calls[0]?.resolve("one");
    calls[1]?.resolve("two");
    expect(await Promise.all(answers)).toEqual(["one", "one", "two"]);
  });

  it("starts a new call once the last one has ended, well or badly", async () => {
    const { calls, start } = pendingCalls();
    const shared = new SharedCalls<string>();
    const first = shared.run("a", start);
    calls[0]?.reject(new Error("broken"));
    await expect(first).rejects.toThrow("broken");
    const second = shared.run("a", start);
    calls[1]?.resolve("well");
    expect(await second).toBe("well");
    const third = shared.run("a", start);
    calls[2]?.resolve("again");
    expect(await third).toBe("again");
  });

  it("keeps the call running while one caller is left", async () => {
    const { calls, start } = pendingCalls();
    const shared = new SharedCalls<string>();
    const leaver = new AbortController();
    const left = shared.run("a", start, { signal: leaver.signal });
    const stayed = shared.run("a", start);
    leaver.abort();
    await expect(left).rejects.toMatchObject({ code: "ERR_CANCELED" });
    expect(calls[0]?.signal.aborted).toBe(false);
    calls[0]?.resolve("done");
    expect(await stayed).toBe("done");
  });

  it("aborts the call when the last caller leaves, and starts afresh for the next", async () => {
    const { calls, start } = pendingCalls();
    const shared = new SharedCalls<string>();
    const leaver = new AbortController();
    const left = shared.run("a", start, { signal: leaver.signal });
    leaver.abort();
    await expect(left).rejects.toMatchObject({ code: "ERR_CANCELED" });
    expect(calls[0]?.signal.aborted).toBe(true);

    const next = shared.run("a", start);
    calls[0]?.reject(new Error("the old call's end"));
    calls[1]?.resolve("fresh");
    expect(await next).toBe("fresh");
  });

  it("starts nothing for a caller who has left already", async () => {
    const { calls, start } = pendingCalls();
    const run = new SharedCalls<string>().run("a", start, { signal: AbortSignal.abort() });
    await expect(run).rejects.toMatchObject({ code: "ERR_CANCELED" });
    expect(calls).toHaveLength(0);
  });

  it("runs the call in no caller's AsyncLocalStorage, and leaves every caller in his own", async () => {
    const storage = new AsyncLocalStorage<string>();
    const shared = new SharedCalls<string | undefined>();
    const seen = async () => storage.getStore();
    const ask = (caller: string) =>
      storage.run(caller, async () => [await shared.run("a", seen), storage.getStore()]);
    expect(await Promise.all([ask("one"), ask("two")])).toEqual([
      [undefined, "one"],
      [undefined, "two"],
    ]);
  });
});
