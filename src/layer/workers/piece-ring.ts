import { ErrCanceled } from "../../errors/classes.ts";
import { PIECE_BYTES } from "../decompress/sync-codec.ts";

/**
 * Room for pieces on their way, and for the one that is being made: 16 MiB, what one half of a job does in the hundredths of a second
 * in which the other one has no core, or lets its neighbours go on.
 */
export const RING_PIECES = 64;

/** What the first numbers mean, by their place; behind them are the lengths of the pieces, and then the pieces. */
const [WRITTEN, READ, TOLD_READER, TOLD_WRITER, END, LEFT] = [0, 1, 2, 3, 4, 5];
const LENGTHS = 6;
const HEAD_BYTES = (LENGTHS + RING_PIECES) * Int32Array.BYTES_PER_ELEMENT;

/** How the pieces end: not yet, with the last one, or before it. */
const [OPEN, ENDED, BROKEN] = [0, 1, 2];

/**
 * Pieces of a layer on their way from one thread to another, in memory that both share: there is room for so many, whoever is too
 * fast waits, and nothing is sent. One thread writes and one reads; whoever knows that one of them has failed says so to the other.
 */
export class PieceRing {
  /** What another `PieceRing` is made from, in the other thread. */
  readonly memory: SharedArrayBuffer;
  readonly #head: Int32Array;
  readonly #pieces: Buffer;

  constructor(memory = new SharedArrayBuffer(HEAD_BYTES + RING_PIECES * PIECE_BYTES)) {
    this.memory = memory;
    this.#head = new Int32Array(memory, 0, LENGTHS + RING_PIECES);
    this.#pieces = Buffer.from(memory, HEAD_BYTES);
  }

  /** Where the next piece may be made, so that it needs not be copied: `PIECE_BYTES`, the writer's own until `write`. */
  get room(): Buffer {
    return this.#pieceAt(Atomics.load(this.#head, WRITTEN), PIECE_BYTES);
  }

  /**
   * Hands over a piece, copied unless it begins where `room` does, and blocks the thread until there is room for another one. Throws
   * `ErrCanceled` when nobody reads any more.
   */
  write(piece: Uint8Array): void {
    for (let at = 0; at < piece.byteLength; at += PIECE_BYTES)
      this.#writeOne(piece.subarray(at, at + PIECE_BYTES));
  }

  /** There are no more pieces. */
  end(): void {
    this.#endAs(ENDED);
  }

  /** Whoever writes has failed: the reader gets what is there, and then `ErrCanceled`. */
  break(): void {
    this.#endAs(BROKEN);
  }

  /** Nobody reads any more. */
  leave(): void {
    Atomics.store(this.#head, LEFT, 1);
    this.#tell(TOLD_WRITER);
  }

  /** The pieces, each good until the next one is asked for. Throws `ErrCanceled` when there will not be all of them. */
  async *read(): AsyncGenerator<Buffer> {
    for (;;) {
      const told = Atomics.load(this.#head, TOLD_READER);
      const end = Atomics.load(this.#head, END); // before it is looked whether there is one more
      const read = Atomics.load(this.#head, READ);
      if (Atomics.load(this.#head, WRITTEN) !== read) {
        yield this.#pieceAt(read, this.#head[LENGTHS + slotOf(read)] ?? 0);
        Atomics.store(this.#head, READ, (read + 1) | 0);
        this.#tell(TOLD_WRITER);
      } else if (end === OPEN) {
        await Atomics.waitAsync(this.#head, TOLD_READER, told).value;
      } else if (end === ENDED) {
        return;
      } else {
        throw new ErrCanceled("unpack layer: its pieces do not come any more");
      }
    }
  }

  #writeOne(piece: Uint8Array): void {
    const written = Atomics.load(this.#head, WRITTEN);
    const { room } = this;
    const isThere = piece.buffer === room.buffer && piece.byteOffset === room.byteOffset;
    if (!isThere) room.set(piece);
    this.#head[LENGTHS + slotOf(written)] = piece.byteLength;
    Atomics.store(this.#head, WRITTEN, (written + 1) | 0);
    this.#tell(TOLD_READER);
    this.#waitForRoom(written + 1);
  }

  #waitForRoom(written: number): void {
    for (;;) {
      const told = Atomics.load(this.#head, TOLD_WRITER);
      if (Atomics.load(this.#head, LEFT) !== 0)
        throw new ErrCanceled("unpack layer: nobody takes its pieces any more");
      if (((written - Atomics.load(this.#head, READ)) | 0) < RING_PIECES) return;
      Atomics.wait(this.#head, TOLD_WRITER, told);
    }
  }

  #pieceAt(count: number, length: number): Buffer {
    const start = slotOf(count) * PIECE_BYTES;
    return this.#pieces.subarray(start, start + length);
  }

  #endAs(end: number): void {
    Atomics.store(this.#head, END, end);
    this.#tell(TOLD_READER);
  }

  #tell(whom: number): void {
    Atomics.add(this.#head, whom, 1);
    Atomics.notify(this.#head, whom);
  }
}

/** The counters go on below zero when they are full. */
function slotOf(count: number): number {
  return (count >>> 0) % RING_PIECES;
}
