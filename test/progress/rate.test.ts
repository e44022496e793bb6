import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Rate } from "../../src/progress/rate.ts";
import { propertyRuns } from "../support/property-runs.ts";

describe("Rate", () => {
  it("is that of a steady line, however it is cut into steps", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1_000, max: 1_000_000_000 }),
        fc.array(fc.integer({ min: 1, max: 1_500 }), { minLength: 10, maxLength: 200 }),
        (bytesPerSecond, steps) => {
          const rate = new Rate();
          let nowMs = 0;
          for (const stepMs of steps) {
            nowMs += stepMs;
            rate.note((bytesPerSecond * nowMs) / 1_000, nowMs);
          }
          const told = rate.bytesPerSecond(nowMs + 400);
          expect(Math.abs(told - bytesPerSecond)).toBeLessThanOrEqual(bytesPerSecond / 10);
        },
      ),
      { numRuns: propertyRuns(50) },
    );
  });

  it("follows a line that has become slower, within its window", () => {
    const rate = new Rate();
    for (let at = 0; at <= 100; at++) rate.note(at * 10_000, at * 100);
    for (let at = 1; at <= 60; at++) rate.note(1_000_000 + at * 1_000, 10_000 + at * 100);
    expect(rate.bytesPerSecond(16_000)).toBeCloseTo(10_000);
  });

  it("goes down to nothing when nothing comes any more", () => {
    const rate = new Rate();
    for (let at = 0; at <= 10; at++) rate.note(at * 1_000, at * 100);
    expect(rate.bytesPerSecond(1_500)).toBeCloseTo(10_000);
    expect(rate.bytesPerSecond(6_500)).toBeLessThan(2_000);
    expect(rate.bytesPerSecond(60_000)).toBeLessThan(200);
  });

  it("is nothing before there are two marks", () => {
    const rate = new Rate();
    expect(rate.bytesPerSecond(0)).toBe(0);
    rate.note(1_000, 5);
    expect(rate.bytesPerSecond(10)).toBe(0);
  });
});
