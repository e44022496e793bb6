import type { Transform } from "node:stream";
import { constants, createInflateRaw, createZstdDecompress } from "node:zlib";

/** Bytes that come out of a codec at once. */
export const PIECE_BYTES = 256 * 1024;

/** Where a codec makes its next piece: memory of `PIECE_BYTES`, asked for again before each. */
export type RoomForPiece = () => Buffer;

/** What Node.js has below its streams of zlib. It is not documented, so `syncCodecsWork` tries it before it is relied on. */
interface Native {
  onerror: (message: string, errno: number, code: string) => void;
  writeSync(
    flush: number,
    input: Uint8Array,
    inputAt: number,
    inputLength: number,
    output: Uint8Array,
    outputAt: number,
    outputLength: number,
  ): void;
}

type NativeStream = Transform & {
  readonly _handle: Native;
  /** Room that is left in the output, and bytes that are left of the input, after a call. */
  readonly _writeState: Uint32Array;
  close(): void;
  reset(): void;
};

/**
 * A decoder without promises and threads: one call decodes what it is given into memory that is used again and again, which takes
 * two thirds of the time that the streams take.
 */
export class SyncCodec {
  readonly #stream: NativeStream;
  readonly #room: RoomForPiece;
  readonly #flush: number;
  #failure: Error | undefined;
  #left = 0;

  /**
   * @param format raw deflate data, or frames of zstd; the caller calls `close` after use
   * @param room default: one buffer for all pieces
   */
  constructor(format: "deflate" | "zstd", room = oneRoom()) {
    this.#room = room;
    const isZstd = format === "zstd";
    this.#stream = (isZstd ? createZstdDecompress() : createInflateRaw()) as unknown as NativeStream;
    this.#flush = isZstd ? constants.ZSTD_e_continue : constants.Z_NO_FLUSH;
    // Without this the handle is destroyed before the error is told, and the next call would end the whole process.
    const onerror: Native["onerror"] = (message, _, code) => {
      this.#failure = Object.assign(new Error(message), { code });
    };
    Object.assign(this.#stream._handle, { onerror });
  }

  /** Bytes of the last input that were not taken, because the compressed data ended before them. */
  get left(): number {
    return this.#left;
  }

  /**
   * Decodes `input`, as much of it as belongs to the compressed data. A piece is good until the next one is asked for. Throws
   * zlib's error for data that is damaged.
   */
  *decode(input: Uint8Array): Generator<Buffer> {
    let at = 0;
    for (;;) {
      const before = input.byteLength - at;
      const output = this.#room();
      this.#stream._handle.writeSync(this.#flush, input, at, before, output, 0, PIECE_BYTES);
      if (this.#failure !== undefined) throw this.#failure;
      const [room = 0, left = 0] = this.#stream._writeState;
      at = input.byteLength - left;
      this.#left = left;
      if (room < PIECE_BYTES) yield output.subarray(0, PIECE_BYTES - room);
      if (room > 0 && (left === 0 || left === before)) return;
    }
  }

  /** Makes ready for other data of the same format. */
  reset(): void {
    this.#stream.reset();
    this.#left = 0;
  }

  /** Gives the memory back. Nothing may be decoded afterwards. */
  close(): void {
    this.#stream.close();
  }
}

function oneRoom(): RoomForPiece {
  const room = Buffer.allocUnsafeSlow(PIECE_BYTES);
  return () => room;
}
