/** The cells of a claim's memory. */
const REACHED = 0;
const END = 1;

/**
 * A part of a content that comes over one connection: from `start`, it has come as far as `reached`, and goes up to `end`, which may be
 * moved while it comes. The numbers are in memory that other threads see.
 */
export class Claim {
  readonly start: number;
  readonly memory: SharedArrayBuffer;
  readonly #cells: BigInt64Array;

  private constructor(start: number, memory: SharedArrayBuffer) {
    this.start = start;
    this.memory = memory;
    this.#cells = new BigInt64Array(memory);
  }

  /** A new one, of which nothing has come. */
  static of(start: number, end: number): Claim {
    const memory = new SharedArrayBuffer(2 * BigInt64Array.BYTES_PER_ELEMENT);
    const claim = new Claim(start, memory);
    claim.reached = start;
    claim.end = end;
    return claim;
  }

  /** The one that another thread has made, before anything of it has come. */
  static in(memory: SharedArrayBuffer): Claim {
    return new Claim(Number(Atomics.load(new BigInt64Array(memory), REACHED)), memory);
  }

  /** Position behind the last byte that has come. */
  get reached(): number {
    return Number(Atomics.load(this.#cells, REACHED));
  }

  set reached(position: number) {
    Atomics.store(this.#cells, REACHED, BigInt(position));
  }

  /** Position behind the last byte that is to come. */
  get end(): number {
    return Number(Atomics.load(this.#cells, END));
  }

  set end(position: number) {
    Atomics.store(this.#cells, END, BigInt(position));
  }

  /** Bytes that are still to come. */
  get left(): number {
    return Math.max(0, this.end - this.reached);
  }
}
