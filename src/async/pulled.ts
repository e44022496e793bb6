/** Where a `Pulled` has its items from. */
export interface PulledParts<T, Raw> {
  /** Brings what the next item is made of. Called when the one before has settled, and no more after the end or a failure. */
  readonly next: () => Promise<Raw>;
  /** Makes the item of what has come; `undefined` at the end. */
  readonly take: (came: Raw) => T | undefined;
  /** Called once, when nothing more is asked for: at the end, after a failure, or when the reader leaves. */
  readonly close: () => void;
}

const END = { done: true, value: undefined } as const;

/**
 * Items as an async generator would give them, with one promise for each: it takes a reader that asks for one at a time. Who leaves while
 * an item is on its way has left when that has come.
 */
export class Pulled<T, Raw> implements AsyncIterableIterator<T, undefined> {
  readonly #parts: PulledParts<T, Raw>;
  readonly #onCame = (came: Raw): IteratorResult<T, undefined> => this.#give(came);
  readonly #onFailure = (error: unknown): never => {
    this.#close();
    throw error;
  };
  #coming: Promise<unknown> | undefined;
  #isLeft = false;
  #isClosed = false;

  constructor(parts: PulledParts<T, Raw>) {
    this.#parts = parts;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#isLeft || this.#isClosed) return Promise.resolve(END);
    const coming = this.#parts.next().then(this.#onCame, this.#onFailure);
    this.#coming = coming;
    return coming;
  }

  async return(): Promise<IteratorResult<T, undefined>> {
    this.#isLeft = true;
    await this.#coming?.catch(() => {}); // whoever waits for it is told
    this.#close();
    return END;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #give(came: Raw): IteratorResult<T, undefined> {
    const item = this.#taken(came);
    if (item !== undefined) return { done: false, value: item };
    this.#close();
    return END;
  }

  #taken(came: Raw): T | undefined {
    try {
      return this.#parts.take(came);
    } catch (error) {
      this.#close();
      throw error;
    }
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#parts.close();
  }
}
