import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatRfc3339, parseRfc3339 } from "../../src/content/rfc3339.ts";

describe("formatRfc3339()", () => {
  it.each([
    [0n, "1970-01-01T00:00:00.000000000Z"],
    [1_577_934_245_123_456_789n, "2020-01-02T03:04:05.123456789Z"],
    [1_577_934_245_000_000_001n, "2020-01-02T03:04:05.000000001Z"],
    [-1n, "1969-12-31T23:59:59.999999999Z"],
  ])("writes %d as %s", (timeNs, text) => {
    expect(formatRfc3339(timeNs)).toBe(text);
  });

  it("is undone by parseRfc3339()", () => {
    const times = fc.bigInt({ min: -(2n ** 61n), max: 2n ** 62n });
    const property = fc.property(times, (timeNs) => {
      expect(parseRfc3339(formatRfc3339(timeNs))).toBe(timeNs);
    });
    fc.assert(property);
  });
});

describe("parseRfc3339()", () => {
  it.each([
    ["2020-01-02T03:04:05Z", 1_577_934_245_000_000_000n],
    ["2020-01-02T03:04:05.1Z", 1_577_934_245_100_000_000n],
    ["2020-01-02T04:04:05.123456789+01:00", 1_577_934_245_123_456_789n],
    ["2020-01-01T22:04:05.5-05:00", 1_577_934_245_500_000_000n],
    ["2020-01-02T03:04:05.1234567891Z\n", 1_577_934_245_123_456_789n],
  ])("reads %j", (text, timeNs) => {
    expect(parseRfc3339(text)).toBe(timeNs);
  });

  it.each([
    "",
    "yesterday",
    "2020-01-02",
    "2020-01-02T03:04:05",
    "2020-13-02T03:04:05Z",
    "2020-01-02T03:04:05.Z",
  ])("knows that %j is none", (text) => {
    expect(parseRfc3339(text)).toBeUndefined();
  });
});
