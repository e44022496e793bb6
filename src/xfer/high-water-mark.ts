/**
 * What an attempt has to bring to count as progress, in bytes: as much as the slowest body that the transport waits for brings
 * in the time over which that is measured. Of a small blob the quarter is enough.
 */
const MIN_PROGRESS_BYTES = 32 * 1024;

/**
 * How far the attempts came together. Only going well beyond it is progress: a server that cannot resume and always breaks at
 * the same byte must not be asked for ever, nor one that gives a few bytes each time.
 */
export class HighWaterMark {
  #bytes = 0;
  #totalBytes = 0;
  #bytesBefore = 0;

  /** An attempt has come so far. Returns whether that is farther than any before. */
  reached(bytes: number, totalBytes: number): boolean {
    const isMore = bytes > this.#bytes;
    this.#bytes = Math.max(this.#bytes, bytes);
    this.#totalBytes = Math.max(this.#totalBytes, totalBytes);
    return isMore;
  }

  /** Whether it rose by enough since the last time that it had. */
  hasRisen(): boolean {
    const enough = Math.min(MIN_PROGRESS_BYTES, this.#totalBytes / 4);
    const risen = this.#bytes > this.#bytesBefore && this.#bytes - this.#bytesBefore >= enough;
    if (risen) this.#bytesBefore = this.#bytes;
    return risen;
  }
}
