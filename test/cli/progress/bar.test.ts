import { describe, expect, it } from "vitest";
import { formatBar } from "../../../src/cli/progress/bar.ts";

describe("formatBar()", () => {
  it("draws as much of the bar as is done", () => {
    expect(formatBar(0, 2_000_000, 10)).toBe("[>         ]  0B/2MB");
    expect(formatBar(1_000_000, 2_000_000, 10)).toBe("[=====>    ]  1MB/2MB");
    expect(formatBar(2_000_000, 2_000_000, 10)).toBe("[==========]  2MB/2MB");
  });

  it("leaves the bar out where there is no room for one", () => {
    expect(formatBar(1_000_000, 2_000_000, 9)).toBe("1MB/2MB");
    expect(formatBar(1_000_000, 2_000_000, -3)).toBe("1MB/2MB");
  });

  it("tells only what is done when the total is not known", () => {
    expect(formatBar(1_000_000, 0)).toBe("1MB");
  });
});
