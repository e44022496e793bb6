/** Most bytes that one read of a TLS socket gives: Node hands out no more than one record's payload. */
const RECORD_BYTES = 16 * 1024;

/**
 * Memory of a TLS socket, in which one record follows the other, so that many of them are taken at once: what comes after
 * the socket costs the same for each time, however little there is.
 */
export class RecordBuffer {
  readonly #byteCount: number;
  #memory: Buffer;
  /** Where records go that follow whole ones, made once: there are tens of thousands in a GiB, and to make a view takes longer than to find it. */
  #spaces: Buffer[] = [];
  #filled = 0;
  #taken = 0;

  /** @param byteCount of all memory; at least one record's */
  constructor(byteCount: number) {
    this.#byteCount = Math.max(byteCount, RECORD_BYTES);
    this.#memory = Buffer.allocUnsafeSlow(this.#byteCount);
  }

  /** Whether the next record may not find room. */
  get isFull(): boolean {
    return this.#byteCount - this.#filled < RECORD_BYTES;
  }

  /**
   * Where the next record goes: behind the last one, or where that has no room, at the beginning again. All must have been taken then.
   *
   * @param isHeld whether somebody still needs what he has taken: then it goes to other memory
   */
  space(isHeld: boolean): Uint8Array {
    if (this.isFull) {
      if (isHeld) {
        this.#memory = Buffer.allocUnsafeSlow(this.#byteCount);
        this.#spaces = [];
      }
      this.#filled = 0;
      this.#taken = 0;
    }
    if (this.#filled % RECORD_BYTES !== 0) return this.#memory.subarray(this.#filled);
    const place = this.#filled / RECORD_BYTES;
    this.#spaces[place] ??= this.#memory.subarray(this.#filled);
    return this.#spaces[place];
  }

  /** A record of so many bytes is in the space. */
  add(byteCount: number): void {
    this.#filled += byteCount;
  }

  /** All that has come since it was asked last; `undefined`: nothing. It is valid until its memory is used again. */
  take(): Buffer | undefined {
    if (this.#taken === this.#filled) return undefined;
    const records = this.#memory.subarray(this.#taken, this.#filled);
    this.#taken = this.#filled;
    return records;
  }
}
