import type { ReaderAt } from "../store.ts";

/** Bytes that are read at once, eight times what Go's clients ask for at once. */
const BLOCK_BYTES = 262_144;

const NOTHING = Buffer.alloc(0);

/**
 * Reads ahead for those who read small parts one after the other: a block is read at once, and most of their reads become
 * copies from memory. Others read as if it were not there. One block per reader is in memory, once it is needed.
 */
export class ReadAhead implements ReaderAt {
  readonly size: number;
  readonly #reader: ReaderAt;
  /** Where a reader goes on that goes straight on. */
  #next = -1;
  /** Where the block is read to; kept for the next one. */
  #room: Buffer | undefined;
  #block: Buffer = NOTHING;
  #blockOffset = 0;
  #isFilling = false;

  /** @param reader closed with this one */
  constructor(reader: ReaderAt) {
    this.#reader = reader;
    this.size = reader.size;
  }

  async readAt(buffer: Uint8Array, offset: number): Promise<number> {
    const goesOn = offset === this.#next;
    this.#next = offset + buffer.byteLength;
    if (this.#copy(buffer, offset)) return buffer.byteLength;
    const isWorthIt = goesOn && !this.#isFilling && buffer.byteLength <= BLOCK_BYTES / 2;
    if (isWorthIt) {
      await this.#fill(offset);
      if (this.#copy(buffer, offset)) return buffer.byteLength;
    }
    return this.#reader.readAt(buffer, offset);
  }

  close(): Promise<void> {
    return this.#reader.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #copy(buffer: Uint8Array, offset: number): boolean {
    const start = offset - this.#blockOffset;
    const end = start + buffer.byteLength;
    if (start < 0 || end > this.#block.byteLength) return false;
    buffer.set(this.#block.subarray(start, end));
    return true;
  }

  async #fill(offset: number): Promise<void> {
    this.#isFilling = true;
    this.#block = NOTHING;
    try {
      this.#room ??= Buffer.allocUnsafeSlow(BLOCK_BYTES);
      const count = await this.#reader.readAt(this.#room, offset);
      this.#blockOffset = offset;
      this.#block = this.#room.subarray(0, count);
    } finally {
      this.#isFilling = false;
    }
  }
}
