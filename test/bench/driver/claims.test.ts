import { describe, expect, it } from "vitest";
import { type Claim, judge } from "../../../bench/driver/claims.ts";
import type { CaseResult } from "../../../bench/driver/results.ts";

function caseOf(name: string, walls: Readonly<Record<string, readonly number[]>>, at?: number): CaseResult {
  const contestants = Object.entries(walls).map(([by, seconds]) => ({
    name: by,
    samples: seconds.map((wallSeconds) => ({ wallSeconds })),
  }));
  return { name, contestants, ...(at !== undefined && { at }) };
}

const beside = (timesBest: number, of: readonly string[]): Claim => ({
  who: "ours",
  figure: "wallSeconds",
  limit: { timesBest, of },
});

describe("judge", () => {
  it("compares medians with the best of the peers that took part", () => {
    const cases = [caseOf("", { ours: [9, 1, 2], slow: [4, 4, 4], fast: [1, 2, 2] })];
    expect(judge([beside(1, ["slow", "fast", "absent"])], cases)).toEqual([
      {
        claim: "ours, wall at most 1 times the best of slow, fast, absent",
        got: "1.00 times",
        holds: true,
      },
    ]);
    expect(judge([beside(0.9, ["slow", "fast"])], cases)[0]).toMatchObject({
      got: "1.00 times",
      holds: false,
    });
  });

  it("does not judge where nothing to judge by took part", () => {
    const [verdict] = judge([beside(1, ["absent"])], [caseOf("", { ours: [1] })]);
    expect(verdict).toMatchObject({ got: "nothing to judge by", holds: undefined });
  });

  it("judges a figure by a limit in its own unit", () => {
    const claim: Claim = { who: "ours", figure: "wallSeconds", limit: { atMost: 0.07 } };
    expect(judge([claim], [caseOf("start", { ours: [0.05] })])).toEqual([
      { claim: "ours, wall at most 70.0 ms", got: "50.0 ms", holds: true },
    ]);
    expect(judge([claim], [caseOf("start", { ours: [0.08] })])[0]?.holds).toBe(false);
  });

  it("judges by the worst case, or by the one that is named", () => {
    const cases = [
      caseOf("small", { ours: [1] }),
      caseOf("large", { ours: [3] }),
      caseOf("other", { theirs: [9] }),
    ];
    const claim: Claim = { who: "ours", figure: "wallSeconds", limit: { atMost: 2 } };
    expect(judge([claim], cases)).toEqual([
      { claim: "ours, wall at most 2.00 s", got: "3.00 s (large)", holds: false },
    ]);
    expect(judge([{ ...claim, within: "small" }], cases)).toEqual([
      { claim: "small: ours, wall at most 2.00 s", got: "1.00 s", holds: true },
    ]);
  });

  it("says nothing of those that were left out", () => {
    expect(judge([beside(1, ["fast"])], [caseOf("", { fast: [1] })])).toEqual([]);
  });

  it("knows a cost that grows in line from one that does not", () => {
    const claim: Claim = { who: "ours", figure: "wallSeconds", limit: { eachTimes: 1.25 } };
    const grows = (cost: (count: number) => number): boolean | undefined =>
      judge(
        [claim],
        [1000, 100, 400].map((count) => caseOf(`${count}`, { ours: [cost(count)] }, count)),
      )[0]?.holds;
    expect(grows((count) => 5 + 0.1 * count)).toBe(true);
    expect(grows((count) => 0.001 * count ** 2)).toBe(false);
    expect(judge([claim], [caseOf("", { ours: [1] }, 1)])[0]?.holds).toBeUndefined();
  });

  it("does not judge a figure that was not taken", () => {
    const claim: Claim = { who: "ours", figure: "peakBytes", limit: { atMost: 1 } };
    expect(judge([claim], [caseOf("", { ours: [1] })])[0]?.holds).toBeUndefined();
  });
});
