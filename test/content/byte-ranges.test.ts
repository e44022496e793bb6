import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ByteRange, ByteRanges } from "../../src/content/byte-ranges.ts";

const SIZE = 40;
const range = fc
  .tuple(fc.nat(SIZE), fc.nat(SIZE))
  .map(([one, other]): ByteRange => ({ from: Math.min(one, other), to: Math.max(one, other) }));

const positions = (ranges: Iterable<ByteRange>): number[] =>
  [...ranges].flatMap(({ from, to }) => Array.from({ length: to - from }, (_, at) => from + at));

const sorted = (numbers: Iterable<number>): number[] => [...numbers].toSorted((a, b) => a - b);

describe("ByteRanges", () => {
  it("are what was added, in order, with a hole between two, and know what is missing", () => {
    const property = fc.property(fc.array(range, { maxLength: 12 }), range, (added, asked) => {
      const ranges = new ByteRanges(added);
      const model = new Set(positions(added));
      expect(positions(ranges)).toEqual(sorted(model));
      expect(ranges.bytes).toBe(model.size);
      for (const [at, { from }] of ranges.list.entries()) {
        expect(from).toBeGreaterThan(ranges.list[at - 1]?.to ?? -1);
      }
      expect(positions(ranges.missing(asked))).toEqual(positions([asked]).filter((at) => !model.has(at)));
    });
    fc.assert(property);
  });

  it("give away the one that an edge has come to", () => {
    const ranges = new ByteRanges([
      { from: 5, to: 9 },
      { from: 12, to: 20 },
    ]);
    expect(ranges.takeAt(4)).toBe(4);
    expect(ranges.takeAt(5)).toBe(9);
    expect(ranges.list).toEqual([{ from: 12, to: 20 }]);
    expect(ranges.takeAt(30)).toBe(30);
    expect(ranges.list).toEqual([]);
  });
});
