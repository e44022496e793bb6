import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseContentRange } from "../../../src/registry/http/content-range.ts";

describe("parseContentRange()", () => {
  it.each([
    ["bytes 0-9/10", { part: { start: 0, end: 9 }, total: 10 }],
    ["bytes 5-9/*", { part: { start: 5, end: 9 } }],
    ["bytes */10", { total: 10 }],
    [" Bytes=5-9/10 ", { part: { start: 5, end: 9 }, total: 10 }],
    ["bytes */*", undefined],
    ["bytes 9-5/10", undefined],
    ["bytes 5-10/10", undefined],
    ["items 0-9/10", undefined],
    ["bytes 0-9", undefined],
    ["bytes -9/10", undefined],
    ["bytes 0-99999999999999999999/*", undefined],
    ["", undefined],
    [undefined, undefined],
  ])("reads %j as %j", (header, expected) => {
    expect(parseContentRange(header)).toEqual(expected);
  });

  it("reads every range that a server may write", () => {
    const sizes = fc.tuple(fc.nat(), fc.nat(), fc.nat()).map((numbers) => numbers.toSorted((a, b) => a - b));
    fc.assert(
      fc.property(sizes, ([start = 0, end = 0, last = 0]) => {
        const total = last + 1;
        expect(parseContentRange(`bytes ${start}-${end}/${total}`)).toEqual({ part: { start, end }, total });
      }),
    );
  });
});
