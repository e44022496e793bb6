import { BodyLimit } from "./body-limit.ts";

/** Where the search for a size that a registry takes ends, in bytes: nginx refuses more than 1 MiB when nobody told it. */
const MIN_CHUNK_BYTES = 1024 * 1024;

/** How large the bodies of uploads to one repository may be, as far as its answers have told. */
export class BodySizes {
  readonly #limit: BodyLimit;
  /** Whether the registry takes a blob in more than one request. */
  #chunks = true;
  /** Whether it takes the closing request only after another one, however small the blob is. */
  #patchFirst = false;

  /** @param limit of all repositories of the endpoint */
  constructor(limit: BodyLimit = new BodyLimit()) {
    this.#limit = limit;
  }

  /**
   * Length of the next body when `remaining` bytes are missing, the registry wants no chunk below `minChunkBytes`, and those of the upload
   * have `usualBytes`.
   */
  next(remaining: number, minChunkBytes: number, usualBytes = Number.POSITIVE_INFINITY): number {
    const longest = Math.max(Math.min(this.#limit.bytes, usualBytes), minChunkBytes);
    return this.#chunks ? Math.min(remaining, longest) : remaining;
  }

  /** A body of `bytes` was taken. */
  taken(bytes: number, tookMs: number): void {
    this.#limit.taken(bytes, tookMs);
  }

  /** A body of `bytes` was too large (413). Whether a smaller one is worth a try: one as it began, or a quarter. */
  tooLarge(bytes: number, minChunkBytes: number): boolean {
    const { startBytes } = this.#limit;
    const next = bytes > startBytes ? startBytes : Math.ceil(bytes / 4);
    const smaller = Math.max(next, MIN_CHUNK_BYTES, minChunkBytes);
    if (!this.#chunks || smaller >= bytes) return false;
    this.#limit.lower(smaller);
    return true;
  }

  /** The registry would not have chunks. Whether a single body is worth a try: not where bodies may be too large. */
  noChunks(): boolean {
    const isWorthIt = this.#chunks && !this.#limit.isFinal;
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
