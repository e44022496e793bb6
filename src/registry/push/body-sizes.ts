/**
 * Bytes of a blob sent in one request, if it has more. A registry that throws away what it had of a broken request loses
 * this much at most; only CNCF distribution up to 2.8 refuses the whole session then, whatever the size. 32 MiB is under the
 * limit of proxies in front of registries (100 MB and more) and costs that registry no measurable time against a single
 * request, 16 MiB up to a tenth.
 */
export const CHUNK_BYTES = 32 * 1024 * 1024;

/** Where the search for a size that a registry takes ends, in bytes: nginx refuses more than 1 MiB when nobody told it. */
const MIN_CHUNK_BYTES = 1024 * 1024;

/** How large the bodies of uploads to one repository may be, as far as its answers have told. */
export class BodySizes {
  readonly #chunkBytes: number;
  #maxBytes: number;
  /** Whether the registry takes a blob in more than one request. */
  #chunks = true;
  /** Whether it takes the closing request only after another one, however small the blob is. */
  #patchFirst = false;

  /** @param chunkBytes where to begin */
  constructor(chunkBytes: number = CHUNK_BYTES) {
    this.#chunkBytes = chunkBytes;
    this.#maxBytes = chunkBytes;
  }

  /** Length of the next body when `remaining` bytes are missing and the registry wants no chunk below `minChunkBytes`. */
  next(remaining: number, minChunkBytes: number): number {
    return this.#chunks ? Math.min(remaining, Math.max(this.#maxBytes, minChunkBytes)) : remaining;
  }

  /** A body of `bytes` was too large (413). Whether a smaller one is worth a try: a quarter of it. */
  tooLarge(bytes: number, minChunkBytes: number): boolean {
    const smaller = Math.max(Math.ceil(bytes / 4), MIN_CHUNK_BYTES, minChunkBytes);
    if (!this.#chunks || smaller >= bytes) return false;
    this.#maxBytes = Math.min(this.#maxBytes, smaller);
    return true;
  }

  /** The registry would not have chunks. Whether a single body is worth a try: not where bodies may be too large. */
  noChunks(): boolean {
    const isWorthIt = this.#chunks && this.#maxBytes === this.#chunkBytes;
    if (isWorthIt) this.#chunks = false;
    return isWorthIt;
  }

  /** Whether the first body goes in a request of its own, also when it is the only one. */
  get patchFirst(): boolean {
    return this.#patchFirst;
  }

  /**
   * The registry did not know the session of a closing request. Some have it only from another request on, so the
   * next blob is begun with one, unless that was done and did not help.
   */
  closingRefused(wasFirst: boolean): void {
    this.#patchFirst = wasFirst;
  }
}
