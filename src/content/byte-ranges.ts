/** The bytes from `from` up to, and without, `to`; at least one. */
export interface ByteRange {
  readonly from: number;
  readonly to: number;
}

/** Which bytes of something there are: ranges in order, none of which touches another. Takes as long as there are ranges. */
export class ByteRanges implements Iterable<ByteRange> {
  #ranges: readonly ByteRange[] = [];

  constructor(ranges: Iterable<ByteRange> = []) {
    for (const range of ranges) this.add(range);
  }

  [Symbol.iterator](): Iterator<ByteRange> {
    return this.#ranges[Symbol.iterator]();
  }

  /** As they are now. */
  get list(): readonly ByteRange[] {
    return this.#ranges;
  }

  /** Bytes in all ranges. */
  get bytes(): number {
    return this.#ranges.reduce((sum, { from, to }) => sum + to - from, 0);
  }

  /** Adds bytes, whether some of them are there or not. */
  add({ from, to }: ByteRange): void {
    if (to <= from) return;
    const touched = this.#ranges.filter((range) => range.from <= to && range.to >= from);
    const merged = {
      from: Math.min(from, ...touched.map((range) => range.from)),
      to: Math.max(to, ...touched.map((range) => range.to)),
    };
    const before = this.#ranges.filter((range) => range.to < from);
    const behind = this.#ranges.filter((range) => range.from > to);
    this.#ranges = [...before, merged, ...behind];
  }

  /** What of a range is not there, in order. */
  missing({ from, to }: ByteRange): readonly ByteRange[] {
    const holes: ByteRange[] = [];
    let at = from;
    for (const range of this.#ranges) {
      if (range.to <= at) continue;
      if (range.from >= to) break;
      if (range.from > at) holes.push({ from: at, to: range.from });
      at = range.to;
    }
    if (at < to) holes.push({ from: at, to });
    return holes;
  }

  /** Takes the range away that `edge` is in, or right before, and returns its end; `edge` where there is none. */
  takeAt(edge: number): number {
    const [first, ...rest] = this.#ranges;
    if (!first || first.from > edge) return edge;
    this.#ranges = rest;
    return Math.max(edge, first.to);
  }
}
