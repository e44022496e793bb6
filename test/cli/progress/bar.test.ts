import { describe, expect, it } from "vitest";
import { formatBar } from "../../../src/cli/progress/bar.ts";

describe("formatBar()", () => {
  it.each([
    [36_445, 1_500_632, `[=>${" ".repeat(49)}]  36.45kB/1.501MB`],
    [0, 1_500_632, `[>${" ".repeat(50)}]       0B/1.501MB`],
    [1_500_632, 1_500_632, `[${"=".repeat(50)}>]  1.501MB/1.501MB`],
    [2_000_000, 1_500_632, `[${"=".repeat(50)}>]      2MB`],
    [512, 0, "    512B"],
  ])("writes %i of %i bytes as docker does", (current, total, bar) => {
    expect(formatBar(current, total)).toBe(bar);
  });

  it("fits a narrower terminal", () => {
    expect(formatBar(1_000_000, 2_000_000, 10)).toBe("[=====>     ]      1MB/2MB");
  });

  it("leaves the bar out where there is no room for one", () => {
    expect(formatBar(1_000_000, 2_000_000, 9)).toBe("1MB/2MB");
    expect(formatBar(1_000_000, 2_000_000, -3)).toBe("1MB/2MB");
  });
});
