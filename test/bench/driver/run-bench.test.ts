import { describe, expect, it } from "vitest";
import type { Case, Contestant } from "../../../bench/driver/bench.ts";
import { runBench } from "../../../bench/driver/run-bench.ts";

/** Contestants that write down their turns; each takes as many seconds as the number of the round. */
function contestants(turns: string[], names: readonly string[]): readonly Contestant[] {
  return names.map((name) => ({
    name,
    async measure(round) {
      turns.push(`${name}${round}`);
      return { wallSeconds: round };
    },
  }));
}

async function* listed(cases: readonly Case[]): AsyncGenerator<Case> {
  yield* cases;
}

const options = { runs: 2, only: [], onSample: () => {} };

describe("runBench", () => {
  it("lets contestants take turns, and another one begin each time", async () => {
    const turns: string[] = [];
    await runBench(
      { warmsUp: false },
      listed([{ name: "", contestants: contestants(turns, ["a", "b"]) }]),
      options,
    );
    expect(turns).toEqual(["b1", "a1", "a2", "b2"]);
  });

  it("does not count a round that warms up", async () => {
    const cases = listed([{ name: "", contestants: contestants([], ["a"]) }]);
    const { cases: results } = await runBench({ warmsUp: true }, cases, options);
    expect(results).toEqual([
      { name: "", contestants: [{ name: "a", samples: [{ wallSeconds: 1 }, { wallSeconds: 2 }] }] },
    ]);
  });

  it("gives the rate where a case moves bytes", async () => {
    const cases = listed([{ name: "", at: 4, bytes: 100, contestants: contestants([], ["a"]) }]);
    const { cases: results } = await runBench({ warmsUp: false }, cases, { ...options, runs: 1 });
    expect(results).toEqual([
      { name: "", at: 4, contestants: [{ name: "a", samples: [{ wallSeconds: 1, bytesPerSecond: 100 }] }] },
    ]);
  });

  it("measures only what has one of the names, of a case or of its own", async () => {
    const turns: string[] = [];
    const cases = ["one", "two"].map((name) => ({ name, contestants: contestants(turns, ["a", "b"]) }));
    await runBench({ warmsUp: false }, listed(cases), { ...options, runs: 1, only: ["two", "b"] });
    expect(turns).toEqual(["b1", "b1", "a1"]);
  });

  it("collects who is missing, once", async () => {
    const cases = ["one", "two"].map((name) => ({ name, contestants: [], missing: ["crane"] }));
    const { missing, cases: results } = await runBench({ warmsUp: false }, listed(cases), options);
    expect({ missing, results }).toEqual({ missing: ["crane"], results: [] });
  });

  it("takes each case down before the next one is set up", async () => {
    const turns: string[] = [];
    async function* cases(): AsyncGenerator<Case> {
      for (const name of ["one", "two"]) {
        turns.push(`up ${name}`);
        yield { name, contestants: contestants(turns, [name]) };
        turns.push(`down ${name}`);
      }
    }
    await runBench({ warmsUp: false }, cases(), { ...options, runs: 1 });
    expect(turns).toEqual(["up one", "one1", "down one", "up two", "two1", "down two"]);
  });
});
