import { describe, expect, it } from "vitest";
import { parseRetryAfter } from "../../../src/registry/http/retry-after.ts";

const NOW = Date.parse("1994-11-06T08:49:30Z");

describe("parseRetryAfter()", () => {
  it.each([
    ["0", 0],
    [" 120 ", 120_000],
    ["Sun, 06 Nov 1994 08:49:37 GMT", 7_000],
    ["Sunday, 06-Nov-94 08:49:37 GMT", 7_000],
    ["Sun, 06 Nov 1994 08:49:00 GMT", 0],
    [undefined, undefined],
    ["", undefined],
    ["-5", undefined],
    ["1.5", undefined],
    ["1e9", undefined],
    ["99999999999999", undefined],
    ["soon", undefined],
    ["Sun, whenever", undefined],
  ])("reads %j as %j", (header, expected) => {
    expect(parseRetryAfter(header, NOW)).toBe(expected);
  });
});
