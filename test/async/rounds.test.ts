import { AsyncLocalStorage } from "node:async_hooks";
import { getEventListeners } from "node:events";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Rounds } from "../../src/async/rounds.ts";

const fulfilled = <T>(value: T): PromiseSettledResult<T> => ({ status: "fulfilled", value });

/** Rounds that begin and end when the test says so. */
function manualRounds() {
  const rounds: Array<{
    readonly begin: PromiseWithResolvers<void>;
    readonly end: PromiseWithResolvers<void>;
    readonly signal: AbortSignal;
    served?: readonly string[];
  }> = [];
  const work = new Rounds<string, string>(async (takeUp, signal) => {
    const round: (typeof rounds)[number] = {
      begin: Promise.withResolvers<void>(),
      end: Promise.withResolvers<void>(),
      signal,
    };
    rounds.push(round);
    signal.addEventListener("abort", () => round.begin.reject(new Error("everybody has left")));
    await round.begin.promise;
    const served = takeUp();
    round.served = served;
    await round.end.promise;
    return served.map((input) => fulfilled(`${input}!`));
  });
  return { rounds, work };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("Rounds.run()", () => {
  it("serves together all who wait when the work begins, and later ones in the next round", async () => {
    const { rounds, work } = manualRounds();
    const first = [work.run("a"), work.run("b")];
    rounds[0]?.begin.resolve();
    await turn();
    const second = [work.run("c"), work.run("d")];
    rounds[0]?.end.resolve();
    expect(await Promise.all(first)).toEqual(["a!", "b!"]);
    await turn();
    rounds[1]?.begin.resolve();
    rounds[1]?.end.resolve();
    expect(await Promise.all(second)).toEqual(["c!", "d!"]);
    expect(rounds.map(({ served }) => served)).toEqual([
      ["a", "b"],
      ["c", "d"],
    ]);
  });

  it("gives each its own outcome", async () => {
    const work = new Rounds<number, number>(async (takeUp) =>
      takeUp().map((input) =>
        input % 2 === 0
          ? { status: "fulfilled", value: input }
          : { status: "rejected", reason: new Error(`odd: ${input}`) },
      ),
    );
    const outcomes = await Promise.allSettled([0, 1, 2].map((input) => work.run(input)));
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect((outcomes[1] as PromiseRejectedResult).reason).toMatchObject({ message: "odd: 1" });
  });

  it("lets whoever waits leave at once, and serves the others", async () => {
    const { rounds, work } = manualRounds();
    const leaver = new AbortController();
    const [left, stayed] = [work.run("a", { signal: leaver.signal }), work.run("b")];
    leaver.abort();
    await expect(left).rejects.toMatchObject({ code: "ERR_CANCELED" });
    rounds[0]?.begin.resolve();
    rounds[0]?.end.resolve();
    expect(await stayed).toBe("b!");
    expect(rounds[0]?.served).toEqual(["b"]);
  });

  it("tells whoever was taken up how it ended, signal or not, and keeps no listener", async () => {
    const { rounds, work } = manualRounds();
    const controller = new AbortController();
    const call = work.run("a", { signal: controller.signal });
    rounds[0]?.begin.resolve();
    await turn();
    controller.abort();
    rounds[0]?.end.resolve();
    expect(await call).toBe("a!");
    expect(getEventListeners(controller.signal, "abort")).toEqual([]);
  });

  it("ends the wait of a round that everybody left, and begins another for whoever comes then", async () => {
    const { rounds, work } = manualRounds();
    const leaver = new AbortController();
    const left = work.run("a", { signal: leaver.signal });
    leaver.abort();
    expect(rounds[0]?.signal.aborted).toBe(true);
    const next = work.run("b");
    await expect(left).rejects.toMatchObject({ code: "ERR_CANCELED" });
    await turn();
    rounds[1]?.begin.resolve();
    rounds[1]?.end.resolve();
    expect(await next).toBe("b!");
  });

  it("fails all who wait with what kept the round from beginning, and serves whoever comes later", async () => {
    const { rounds, work } = manualRounds();
    const calls = [work.run("a"), work.run("b")];
    rounds[0]?.begin.reject(new Error("no lock"));
    for (const call of calls) await expect(call).rejects.toThrow("no lock");
    const later = work.run("c");
    rounds[1]?.begin.resolve();
    rounds[1]?.end.resolve();
    expect(await later).toBe("c!");
  });

  it("refuses whoever has left already", async () => {
    const { rounds, work } = manualRounds();
    await expect(work.run("a", { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: "ERR_CANCELED",
    });
    expect(rounds).toEqual([]);
  });

  it("runs in no caller's AsyncLocalStorage", async () => {
    const storage = new AsyncLocalStorage<string>();
    const work = new Rounds<string, string | undefined>(async (takeUp) =>
      takeUp().map(() => fulfilled(storage.getStore())),
    );
    expect(await storage.run("caller", () => work.run("a"))).toBeUndefined();
  });

  it("serves every call once, in the order of calling, however they come and leave", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ leaves: fc.boolean(), turns: fc.nat(2) }), { maxLength: 20 }),
        async (callers) => {
          const served: number[] = [];
          const work = new Rounds<number, number>(async (takeUp) => {
            await turn();
            const inputs = takeUp();
            served.push(...inputs);
            await turn();
            return inputs.map(fulfilled);
          });
          const calls: Array<Promise<PromiseSettledResult<number>>> = [];
          for (const [number, { leaves, turns }] of callers.entries()) {
            const controller = new AbortController();
            const call = work.run(number, { signal: controller.signal });
            calls.push(Promise.allSettled([call]).then(([outcome]) => outcome));
            for (let passed = 0; passed < turns; passed++) await turn();
            if (leaves) controller.abort();
          }
          const outcomes = await Promise.all(calls);
          const done = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
          expect(served).toEqual(done);
          const stayed = callers.flatMap(({ leaves }, number) => (leaves ? [] : [number]));
          expect(done).toEqual(expect.arrayContaining(stayed));
        },
      ),
    );
  });
});
