import { describe, expect, it } from "vitest";
import { axisOf } from "../../../bench/driver/plot-axis.ts";
import { plotSvg } from "../../../bench/driver/plot-svg.ts";
import type { CaseResult } from "../../../bench/driver/results.ts";

const cases: readonly CaseResult[] = [1, 2, 4].map((at) => ({
  name: `${at} at once`,
  at,
  contestants: [
    { name: "ours", samples: [{ bytesPerSecond: 1e8 * at }, { bytesPerSecond: 1.2e8 * at }] },
    { name: '<theirs> & "others"', samples: at === 2 ? [] : [{ bytesPerSecond: 9e7 * at }] },
  ],
}));

const svg = plotSvg(
  'throughput of "a" & <b>',
  { across: "at once", scale: "logarithmic", figure: "bytesPerSecond" },
  cases,
);

/** Tags that are open at the end; throws where one ends that has not begun, or an ampersand begins nothing. */
function openTags(xml: string): readonly string[] {
  const open: string[] = [];
  expect(xml.replace(/&#\d+;/g, "")).not.toContain("&");
  for (const [, end, name, self] of xml.matchAll(/<(\/?)([a-z]+)(?:\s+[\w-]+="[^"<]*")*\s*(\/?)>/g)) {
    if (end) expect(open.pop()).toBe(name);
    else if (!self) open.push(name ?? "");
  }
  expect(xml.replace(/<(\/?)([a-z]+)(?:\s+[\w-]+="[^"<]*")*\s*(\/?)>/g, "")).not.toMatch(/[<>]/);
  return open;
}

describe("plotSvg", () => {
  it("is well-formed, whatever names have in them", () => {
    expect(openTags(svg)).toEqual([]);
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" /);
  });

  it("has a line for each contestant, with a point for each case that it has, and no number that is none", () => {
    expect(svg.match(/<polyline /g)).toHaveLength(2);
    expect(svg.match(/<circle /g)).toHaveLength(5);
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  });

  it("names both axes and every line", () => {
    for (const words of [">at once<", ">rate<", ">ours<", ">4<", "200MB/s"]) expect(svg).toContain(words);
  });

  it("has colours of its own for dark surroundings", () => {
    expect(svg).toContain("prefers-color-scheme: dark");
  });
});

describe("axisOf", () => {
  it("has round numbers from nothing to above the most", () => {
    const { ticks, place } = axisOf([3, 4_300], { scale: "linear", from: 0, to: 500 });
    expect(ticks.map(({ value }) => value)).toEqual([0, 1_000, 2_000, 3_000, 4_000, 5_000]);
    expect(place(2_500)).toBe(250);
  });

  it("spreads what doubles evenly", () => {
    const { ticks } = axisOf([1, 2, 4, 8], { scale: "logarithmic", from: 100, to: 400 });
    expect(ticks.map(({ value, place }) => [value, Math.round(place)])).toEqual([
      [1, 100],
      [2, 200],
      [4, 300],
      [8, 400],
    ]);
  });

  it.each(["linear", "logarithmic"] as const)("survives a single value, %s", (scale) => {
    const { place } = axisOf([5], { scale, from: 0, to: 10 });
    expect(place(5)).toBeGreaterThanOrEqual(0);
  });
});
