import { ErrCanceled } from "../../errors/classes.ts";
import { PIECE_BYTES } from "../decompress/sync-codec.ts";

/** Pieces that may be on their way: 4 MiB, what one half of a job does while the other one lets its neighbours go on. */
export const RING_PIECES = 16;

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

  /** Copies a piece into the ring, and blocks the thread while there is no room. Throws `ErrCanceled` when nobody reads any more. */
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
        yield this.#pieceAt(read);
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
    for (;;) {
      const told = Atomics.load(this.#head, TOLD_WRITER);
      if (Atomics.load(this.#head, LEFT) !== 0)
        throw new ErrCanceled("unpack layer: nobody takes its pieces any more");
      if (((written - Atomics.load(this.#head, READ)) | 0) < RING_PIECES) break;
      Atomics.wait(this.#head, TOLD_WRITER, told);
    }
    const place = slotOf(written);
    this.#pieces.set(piece, place * PIECE_BYTES);
    this.#head[LENGTHS + place] = piece.byteLength;
    Atomics.store(this.#head, WRITTEN, (written + 1) | 0);
    this.#tell(TOLD_READER);
  }

  #pieceAt(read: number): Buffer {
    const place = slotOf(read);
    const start = place * PIECE_BYTES;
    return this.#pieces.subarray(start, start + (this.#head[LENGTHS + place] ?? 0));
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
