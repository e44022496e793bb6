import { describe, expect, it } from "vitest";
import { figureOf, figuresIn, spreadOf } from "../../../bench/driver/results.ts";

describe("spreadOf", () => {
  it.each([
    { numbers: [3, 1, 2], spread: { median: 2, min: 1, max: 3 } },
    { numbers: [4, 1, 3, 2], spread: { median: 2.5, min: 1, max: 4 } },
    { numbers: [10, 9], spread: { median: 9.5, min: 9, max: 10 } },
    { numbers: [7], spread: { median: 7, min: 7, max: 7 } },
    { numbers: [], spread: { median: Number.NaN, min: Number.NaN, max: Number.NaN } },
  ])("of $numbers is $spread", ({ numbers, spread }) => {
    expect(spreadOf(numbers)).toEqual(spread);
  });
});

describe("figureOf", () => {
  it("counts the rounds that have the figure", () => {
    const one = { name: "a", samples: [{ wallSeconds: 1 }, { cpuSeconds: 5 }, { wallSeconds: 3 }] };
    expect(figureOf(one, "wallSeconds")).toEqual({ median: 2, min: 1, max: 3 });
    expect(figureOf(one, "peakBytes").median).toBeNaN();
  });
});

describe("figuresIn", () => {
  it("names what anybody has, in the order of the columns", () => {
    const contestants = [
      { name: "a", samples: [{ peakBytes: 1 }] },
      { name: "b", samples: [{ requests: 2, wallSeconds: 3 }] },
    ];
    expect(figuresIn([{ name: "", contestants }])).toEqual(["wallSeconds", "peakBytes", "requests"]);
  });
});
