/** Time over which a rate is measured, in milliseconds. */
const WINDOW_MS = 1_000;

interface Sample {
  readonly atMs: number;
  readonly bytes: number;
}

/** How fast something comes, by looks at how far it is. */
export class RateMeter {
  readonly #samples: Sample[];

  /** @param bytes how far it is at the start */
  constructor(atMs: number, bytes: number) {
    this.#samples = [{ atMs, bytes }];
  }

  /** It is so far by now. */
  look(atMs: number, bytes: number): void {
    this.#samples.push({ atMs, bytes });
    while (this.#samples.length > 2 && this.#secondMs <= atMs - WINDOW_MS) this.#samples.shift();
  }

  /** Bytes per second, of late; 0 before anything has come. */
  get rate(): number {
    const [first] = this.#samples;
    const last = this.#samples.at(-1);
    if (!first || !last || last.atMs <= first.atMs) return 0;
    return ((last.bytes - first.bytes) * 1_000) / (last.atMs - first.atMs);
  }

  get #secondMs(): number {
    return this.#samples[1]?.atMs ?? Number.POSITIVE_INFINITY;
  }
}
