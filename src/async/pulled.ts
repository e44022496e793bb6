/** Where a `Pulled` has its items from. */
export interface PulledParts<T> {
  /** The next item; `undefined` at the end. Called when the one before has settled, and no more after the end or a failure. */
  readonly next: () => Promise<T | undefined>;
  /** Called once, when nothing more is asked for: at the end, after a failure, or when the reader leaves. */
  readonly close: () => void;
}

const END = { done: true, value: undefined } as const;

/**
 * Items that are asked for one by one, as an iterator that does as an async generator would, and costs a third of one for each item. A
 * reader that leaves while an item is on its way leaves when that has come.
 */
export class Pulled<T> implements AsyncIterableIterator<T, undefined> {
  readonly #parts: PulledParts<T>;
  readonly #onItem = (item: T | undefined): IteratorResult<T, undefined> => this.#came(item);
  readonly #onFailure = (error: unknown): never => {
    this.#close();
    throw error;
  };
  #coming: Promise<unknown> | undefined;
  #isLeft = false;
  #isClosed = false;

  constructor(parts: PulledParts<T>) {
    this.#parts = parts;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#isLeft || this.#isClosed) return Promise.resolve(END);
    const coming = this.#parts.next().then(this.#onItem, this.#onFailure);
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

  #came(item: T | undefined): IteratorResult<T, undefined> {
    if (item !== undefined) return { done: false, value: item };
    this.#close();
    return END;
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#parts.close();
  }
}
