import { describe, expect, it } from "vitest";
import { timeoutHeader, timeoutMs } from "../../../../src/content/grpc/wire/timeout-header.ts";

describe("timeoutMs()", () => {
  it.each([
    ["1H", 3_600_000],
    ["2M", 120_000],
    ["3S", 3_000],
    ["4m", 4],
    ["1500u", 2],
    ["1n", 1],
    ["0S", 0],
    ["99999999H", 2 ** 31 - 1],
    ["", undefined],
    ["1", undefined],
    ["1s", undefined],
    ["-1S", undefined],
    ["123456789S", undefined],
  ])("%j is %s", (value, ms) => {
    expect(timeoutMs({ "grpc-timeout": value })).toBe(ms);
  });

  it("is not there without the header", () => {
    expect(timeoutMs({})).toBeUndefined();
  });
});

describe("timeoutHeader()", () => {
  it.each([
    [0, "0m"],
    [-1, "0m"],
    [1.5, "2m"],
    [99_999_999, "99999999m"],
    [100_000_000, "100000S"],
    [Number.MAX_SAFE_INTEGER, "99999999S"],
  ])("says %d milliseconds as %s", (ms, header) => {
    expect(timeoutHeader(ms)).toBe(header);
  });
});
