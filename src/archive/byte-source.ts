import { type AbortOptions, abortable } from "../async/abort.ts";

const NOTHING = new Uint8Array();

/** Chunks of any size, taken in the sizes that a reader asks for. One read at a time. */
export class ByteSource {
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #signal: AbortSignal | undefined;
  #rest: Uint8Array = NOTHING;
  #isReading = false;

  /** @param chunks each must stay as it is once it was given; the caller calls `close` after use */
  constructor(chunks: AsyncIterable<Uint8Array>, { signal }: AbortOptions = {}) {
    this.#chunks = chunks[Symbol.asyncIterator]();
    this.#signal = signal;
  }

  /**
   * The next bytes without copying them: at most `count`, at least one; `undefined` at the end. Throws what the source throws,
   * and the abort error as soon as the signal fires.
   */
  async take(count: number): Promise<Uint8Array | undefined> {
    while (this.#rest.byteLength === 0) {
      const next = await this.#next();
      if (next.done === true) return undefined;
      this.#rest = next.value;
    }
    const taken = this.#rest.subarray(0, count);
    this.#rest = this.#rest.subarray(taken.byteLength);
    return taken;
  }

  /** The next `count` bytes; fewer only at the end. Throws as `take` does. */
  async read(count: number): Promise<Uint8Array> {
    const first = (await this.take(count)) ?? NOTHING;
    if (first.byteLength === count) return first;
    const parts = [first];
    let left = count - first.byteLength;
    while (left > 0) {
      const part = await this.take(left);
      if (part === undefined) break;
      parts.push(part);
      left -= part.byteLength;
    }
    return Buffer.concat(parts);
  }

  /** Passes over the next `count` bytes and returns how many there were. Throws as `take` does. */
  async skip(count: number): Promise<number> {
    let left = count;
    while (left > 0) {
      const part = await this.take(left);
      if (part === undefined) break;
      left -= part.byteLength;
    }
    return count - left;
  }

  /** Lets the source go. A source that hangs is told so and not waited for. */
  async close(): Promise<void> {
    const closed = Promise.resolve(this.#chunks.return?.()).catch(() => {}); // nobody reads what it would tell
    if (!this.#isReading) await closed;
  }

  async #next(): Promise<IteratorResult<Uint8Array, unknown>> {
    this.#isReading = true;
    const reading = this.#chunks.next().finally(() => {
      this.#isReading = false;
    });
    return await abortable(reading, this.#signal);
  }
}
