import { type AbortOptions, abortable } from "../async/abort.ts";

/** A file in which a blob grows, and how much of it is there. */
export interface GrowingFile {
  readonly path: string;
  /** Bytes of the whole blob. */
  readonly size: number;
  /**
   * How many first bytes of the blob are in the file: one `BigInt64` that is stored with `Atomics`, for readers in any thread. It is
   * negative when no more will come, and what was there is not to be relied on.
   */
  readonly available: SharedArrayBuffer;
}

/** Told by a download how its blob grows on disk, in order from its first byte. */
export interface GrowthSink {
  /** From now on the blob grows in this file, which holds `bytes` of it; again with each attempt. */
  begins(file: { readonly path: string; readonly size: number; readonly bytes: number }): void;
  /** There are so many bytes by now. */
  reached(bytes: number): void;
  /** No byte of it may be relied on. */
  dropped(): void;
}

/** A blob on its way, for whoever wants to read along. Nothing of it is verified before it is whole. */
export interface GrowingBlob {
  /** Whether it is here, whole and verified. */
  readonly isWhole: boolean;
  /** Resolves when it is here, whole and verified. Rejects with the abort error; that it never comes, only the signal tells. */
  whole(options: AbortOptions): Promise<void>;
  /**
   * The file in which it grows, as soon as there is one that is not `tried`; `undefined` when the blob is whole. Rejects as `whole`
   * does.
   */
  next(tried: GrowingFile | undefined, options: AbortOptions): Promise<GrowingFile | undefined>;
}

/** How one blob comes, for all who want it: the one end for the download, the other for readers. */
export class BlobGrowth implements GrowthSink, GrowingBlob {
  readonly #whole = Promise.withResolvers<void>();
  #changed = Promise.withResolvers<void>();
  #file: GrowingFile | undefined;
  #isWhole = false;

  get isWhole(): boolean {
    return this.#isWhole;
  }

  begins({ path, size, bytes }: Parameters<GrowthSink["begins"]>[0]): void {
    const file = this.#file;
    const goesOn = file?.path === path && file.size === size && bytes >= this.#bytes;
    if (!goesOn) {
      this.dropped();
      const available = new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT);
      this.#file = { path, size, available };
      this.#tellChange();
    }
    this.reached(bytes);
  }

  reached(bytes: number): void {
    if (this.#file) Atomics.store(new BigInt64Array(this.#file.available), 0, BigInt(bytes));
  }

  dropped(): void {
    this.reached(-1);
    this.#file = undefined;
  }

  /** The blob is here. Those who read a file that has not all of it, because it came another way, are told to give up. */
  complete(): void {
    if (this.#bytes !== this.#file?.size) this.dropped();
    this.#isWhole = true;
    this.#whole.resolve();
    this.#tellChange();
  }

  async whole({ signal }: AbortOptions): Promise<void> {
    await abortable(this.#whole.promise, signal);
  }

  async next(tried: GrowingFile | undefined, { signal }: AbortOptions): Promise<GrowingFile | undefined> {
    while (!this.#isWhole) {
      if (this.#file && this.#file !== tried) return this.#file;
      await abortable(this.#changed.promise, signal);
    }
    return undefined;
  }

  get #bytes(): number {
    return this.#file ? Number(Atomics.load(new BigInt64Array(this.#file.available), 0)) : -1;
  }

  #tellChange(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

/** The blobs that somebody waits for, by key. */
export class BlobGrowths {
  readonly #held = new Map<string, { readonly growth: BlobGrowth; holders: number }>();

  /** The growth of a blob, the same for all who hold it at the same time, unless it is whole; the function lets it go. */
  hold(key: string): readonly [BlobGrowth, () => void] {
    const known = this.#held.get(key);
    const entry = known && !known.growth.isWhole ? known : { growth: new BlobGrowth(), holders: 0 };
    this.#held.set(key, entry);
    entry.holders++;
    const release = (): void => {
      entry.holders--;
      if (entry.holders === 0 && this.#held.get(key) === entry) this.#held.delete(key);
    };
    return [entry.growth, release];
  }
}
