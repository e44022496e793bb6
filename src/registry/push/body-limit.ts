/**
 * Bytes of a blob sent in the first requests, if it has more. A registry that throws away what it had of a broken request loses
 * this much at most; only CNCF distribution up to 2.8 refuses the whole session then, whatever the size.
 */
export const CHUNK_BYTES = 32 * 1024 * 1024;

/** Longest request that a blob is sent in, in bytes: proxies in front of registries take 100 MB and more when nobody told them otherwise. */
export const MAX_CHUNK_BYTES = 95 * 1024 * 1024;

/**
 * After a body that is taken in less time, those of the next uploads may be twice as long, in milliseconds. So what a broken one costs is
 * some seconds of the line, however fast that is. Long bodies save a fast registry the work around each.
 */
const QUICK_BODY_MS = 2_000;

/** How long the bodies of new uploads to one endpoint may be: longer ones follow those that were taken quickly, until one is refused. */
export class BodyLimit {
  /** Where it began. */
  readonly startBytes: number;
  readonly #maxBytes: number;
  #bytes: number;
  #isFinal = false;

  /**
   * @param startBytes length of the first bodies
   * @param maxBytes longest one
   */
  constructor(startBytes: number = CHUNK_BYTES, maxBytes: number = MAX_CHUNK_BYTES) {
    this.startBytes = startBytes;
    this.#maxBytes = maxBytes;
    this.#bytes = startBytes;
  }

  /** Longest body for now. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether a body was refused, so that it only becomes shorter. */
  get isFinal(): boolean {
    return this.#isFinal;
  }

  /** A body of so many bytes was taken. */
  taken(bytes: number, tookMs: number): void {
    if (this.#isFinal || bytes < this.#bytes || tookMs >= QUICK_BODY_MS) return;
    this.#bytes = Math.min(2 * this.#bytes, this.#maxBytes);
  }

  /** A longer body than this one was refused: no other will be longer. */
  lower(bytes: number): void {
    this.#isFinal = true;
    this.#bytes = Math.min(this.#bytes, bytes);
  }
}
