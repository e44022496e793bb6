import { describe, expect, it } from "vitest";
import {
  FORGET_MS,
  type Illness,
  MAX_REST_MS,
  REST_MS,
  stageOf,
  worsened,
} from "../../../src/distribution/health/illness.ts";

const NOW = Date.parse("2026-01-01T00:00:00Z");
const illness: Illness = { failures: 1, atMs: NOW, restMs: 1_000, unreachable: true, why: "refused" };

describe("stageOf()", () => {
  it.each<[what: string, later: number, more: Partial<Illness>, wanted: string]>([
    ["at once", 0, {}, "resting"],
    ["just before its end", 999, {}, "resting"],
    ["at its end", 1_000, {}, "due"],
    ["long after", FORGET_MS, {}, "due"],
    ["after all that is remembered", FORGET_MS + 1, {}, "over"],
    ["after a good probe", 0, { restMs: 0 }, "well"],
    ["long after a good probe", FORGET_MS + 1, { restMs: 0 }, "over"],
    ["with the clock set back", -1, {}, "due"],
    ["with the clock set back by a year", -365 * 86_400_000, {}, "due"],
    ["with the clock set forward by a year", 365 * 86_400_000, {}, "over"],
    ["with a rest that nobody would write", MAX_REST_MS, { restMs: 1e15 }, "due"],
  ])("%s", (_what, later, more, wanted) => {
    expect(stageOf({ ...illness, ...more }, NOW + later)).toBe(wanted);
  });
});

describe("worsened()", () => {
  const failure = { unreachable: false, why: "503" };

  it("doubles the rest from a second to a minute, and shortens it by up to a half", () => {
    for (const random of [0, 0.5, 0.999_999]) {
      let now: Illness | undefined;
      const rests: number[] = [];
      for (let nowMs = NOW, failures = 0; failures < 9; failures++) {
        now = worsened(now, failure, { nowMs, random: () => random });
        rests.push(now.restMs);
        nowMs += now.restMs;
      }
      const longest = [1, 2, 4, 8, 16, 32, 60, 60, 60].map((seconds) => seconds * REST_MS);
      expect(rests).toEqual(longest.map((ms) => Math.round(ms * (0.5 + random / 2))));
    }
  });

  it("starts anew after a time without failures, and counts on after a good probe", () => {
    const options = { nowMs: NOW, random: () => 1 };
    const many = { ...illness, failures: 5 };
    expect(worsened({ ...many, atMs: NOW - FORGET_MS - 1 }, failure, options).failures).toBe(1);
    expect(worsened({ ...many, restMs: 0 }, failure, options).failures).toBe(6);
    expect(worsened({ ...many, failures: 1e9 }, failure, options).failures).toBeLessThanOrEqual(100);
  });
});
