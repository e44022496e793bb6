import { describe, expect, it } from "vitest";
import { formatFigure } from "../../../bench/driver/figures.ts";
import { resultsTable, verdictsTable } from "../../../bench/driver/results-table.ts";

const sample = (wallSeconds: number, peakMib: number) => ({ wallSeconds, peakBytes: peakMib * 1024 ** 2 });

describe("resultsTable", () => {
  it("shows medians, the least and the most, and the wall time beside the shortest one's", () => {
    const contestants = [
      { name: "ours", samples: [sample(1, 90), sample(3, 100), sample(2, 110)] },
      { name: "theirs", samples: [sample(1, 20), sample(1, 20), sample(1, 20)] },
    ];
    expect(resultsTable([{ name: "", contestants }])).toBe(
      [
        "BY       WALL     FROM, TO           PEAK       : SHORTEST",
        "ours     2.00 s   1.00 s to 3.00 s   100 MiB    2.00",
        "theirs   1.00 s   1.00 s to 1.00 s   20.0 MiB   1.00",
        "",
      ].join("\n"),
    );
  });

  it("names each case once, and shows a dash for what nobody took", () => {
    const cases = [
      { name: "first", contestants: [{ name: "a", samples: [{ requests: 3 }] }] },
      { name: "second", contestants: [{ name: "a", samples: [{ tokens: 1 }] }] },
    ];
    expect(resultsTable(cases)).toBe(
      [
        "CASE     BY   REQUESTS   TOKENS",
        "first    a    3          -",
        "second   a    -          1",
        "",
      ].join("\n"),
    );
  });
});

describe("verdictsTable", () => {
  it("says of each claim whether it holds", () => {
    const words = [true, false, undefined].map((holds) => ({
      claim: "it is fast",
      got: "1.00 times",
      holds,
    }));
    expect(verdictsTable(words)).toBe(
      [
        "holds           1.00 times   it is fast",
        "DOES NOT HOLD   1.00 times   it is fast",
        "not judged      1.00 times   it is fast",
        "",
      ].join("\n"),
    );
  });
});

describe("formatFigure", () => {
  it.each([
    [12.346, "12.3 s"],
    [1.5, "1.50 s"],
    [0.9999, "1000 ms"],
    [0.0273, "27.3 ms"],
    [0.000_004_1, "4.10 µs"],
    [4.1e-7, "410 ns"],
    [0, "0 s"],
  ])("shows %f seconds as %s", (seconds, shown) => {
    expect(formatFigure("wallSeconds", seconds)).toBe(shown);
  });

  it("shows memory in binary units, and rates in decimal ones", () => {
    expect(formatFigure("peakBytes", 93.2 * 1024 ** 2)).toBe("93.2 MiB");
    expect(formatFigure("bytesEach", 512)).toBe("512 B");
    expect(formatFigure("bytesPerSecond", 1.05e9)).toBe("1.05GB/s");
  });
});
