/** Data in one message, in bytes: what containerd sends. Go's clients take 4 MiB by default. */
const PIECE_BYTES = 1_048_576;

/** Data in one message where large ones take all that they may, in bytes: what a client takes at once by default. */
const SMALL_PIECE_BYTES = 65_536;

/**
 * Memory for large messages that are read or not taken yet, of all calls of the process together, in bytes: those of
 * 32 reads. A call that finds it used up, as clients bring about that read nothing, goes on in small messages and
 * waits for nobody.
 */
const LARGE_PIECES_BYTES = 64 * 1_048_576;

/**
 * Buffers of each size that are kept for the next call: new ones for each would keep the garbage collector busier
 * than the disk.
 */
const MAX_IDLE_BUFFERS = 8;

/** Room for messages of at most one piece each, with so many bytes more for what stands before the data. */
export class PieceBuffers {
  readonly #headBytes: number;
  readonly #idleLarge: Buffer[] = [];
  readonly #idleSmall: Buffer[] = [];
  #largeBytes = 0;

  constructor(headBytes: number) {
    this.#headBytes = headBytes;
  }

  /** The buffers of one call, which disposes of them. */
  forCall(): CallBuffers {
    return new CallBuffers({
      take: (wanted) => this.#take(wanted),
      drop: (buffer) => {
        if (this.#isLarge(buffer)) this.#largeBytes -= PIECE_BYTES;
      },
      keep: (buffer) => {
        const idle = this.#isLarge(buffer) ? this.#idleLarge : this.#idleSmall;
        if (idle.length < MAX_IDLE_BUFFERS) idle.push(buffer);
      },
    });
  }

  #take(wanted: number): Buffer {
    const mayBeLarge = this.#largeBytes + PIECE_BYTES <= LARGE_PIECES_BYTES;
    if (wanted <= SMALL_PIECE_BYTES || !mayBeLarge) {
      return this.#idleSmall.pop() ?? Buffer.allocUnsafeSlow(this.#headBytes + SMALL_PIECE_BYTES);
    }
    this.#largeBytes += PIECE_BYTES;
    return this.#idleLarge.pop() ?? Buffer.allocUnsafeSlow(this.#headBytes + PIECE_BYTES);
  }

  #isLarge({ byteLength }: Buffer): boolean {
    return byteLength === this.#headBytes + PIECE_BYTES;
  }
}

interface Supply {
  readonly take: (wanted: number) => Buffer;
  readonly drop: (buffer: Buffer) => void;
  readonly keep: (buffer: Buffer) => void;
}

/** The buffers that a call has taken. Those that it has not given back when it ends are left to the collector. */
export class CallBuffers implements Disposable {
  readonly #supply: Supply;
  readonly #taken = new Set<Buffer>();

  constructor(supply: Supply) {
    this.#supply = supply;
  }

  /** A buffer for so many bytes of data, or for the first of them. */
  take(wanted: number): Buffer {
    const buffer = this.#supply.take(wanted);
    this.#taken.add(buffer);
    return buffer;
  }

  /** Only for a buffer that neither the file nor the connection uses any more. */
  giveBack(buffer: Buffer): void {
    if (!this.#taken.delete(buffer)) return;
    this.#supply.drop(buffer);
    this.#supply.keep(buffer);
  }

  [Symbol.dispose](): void {
    for (const buffer of this.#taken) this.#supply.drop(buffer);
    this.#taken.clear();
  }
}
