import type { Transform } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { messageOf } from "../../errors/message-of.ts";
import { decompressionError } from "./fault.ts";
import { PIECE_BYTES } from "./sync-codec.ts";
import { ZstdFrames } from "./zstd-frames.ts";

const OPTIONS = { chunkSize: PIECE_BYTES };

/** `gunzip` by nothing but what Node.js documents, for a Node.js in which `syncCodecsWork` says that the rest does not work. */
export async function* gunzipByStream(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  const decoder = new StreamDecoder("gzip");
  try {
    for await (const chunk of source) yield* decoder.decode(chunk);
    yield* decoder.finish();
  } finally {
    decoder.close();
  }
}

/** `unzstd` in the same way: a stream of Node.js decodes one frame, so each frame has a stream of its own. */
export async function* unzstdByStream(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  const frames = new ZstdFrames();
  let decoder = new StreamDecoder("zstd");
  try {
    for await (const chunk of source) {
      for (let at = 0; at < chunk.byteLength; ) {
        const end = at + frames.take(chunk.subarray(at));
        yield* decoder.decode(chunk.subarray(at, end));
        if (frames.isBetween) {
          yield* decoder.finish();
          decoder = new StreamDecoder("zstd");
        }
        at = end;
      }
    }
    if (!frames.isBetween) throw decompressionError("zstd", "unexpected end of data");
  } finally {
    decoder.close();
  }
}

/** A stream that is fed and emptied in turns. */
class StreamDecoder {
  readonly #compression: "gzip" | "zstd";
  readonly #stream: Transform & { readonly bytesWritten: number };
  #wake: () => void = () => {};
  #failure: unknown;
  /** Whether the stream has found the end of the data by itself, because zeros follow it: it answers nothing any more. */
  #isEnded = false;
  #given = 0;

  constructor(compression: "gzip" | "zstd") {
    this.#compression = compression;
    this.#stream = compression === "gzip" ? createGunzip(OPTIONS) : createZstdDecompress(OPTIONS);
    this.#stream.on("readable", () => this.#wake());
    this.#stream.on("end", () => {
      this.#isEnded = true;
      this.#wake();
    });
    this.#stream.on("error", (error) => {
      this.#failure = error;
      this.#wake();
    });
  }

  async *decode(chunk: Uint8Array): AsyncGenerator<Buffer> {
    if (!this.#isEnded) {
      this.#given += chunk.byteLength;
      yield* this.#piecesUntil((taken) => this.#stream.write(Buffer.from(chunk), taken));
      if (!this.#isEnded) return;
    }
    const untaken = Math.min(this.#given - this.#stream.bytesWritten, chunk.byteLength);
    if (chunk.subarray(chunk.byteLength - untaken).some((byte) => byte !== 0)) {
      throw decompressionError(this.#compression, "something else follows the data");
    }
    this.#given += chunk.byteLength; // all of the next chunk is untaken, too
  }

  async *finish(): AsyncGenerator<Buffer> {
    if (this.#isEnded) return;
    yield* this.#piecesUntil(() => this.#stream.end()); // the end is told when all is read, or what is found wrong there
  }

  close(): void {
    this.#stream.destroy();
  }

  async *#piecesUntil(start: (taken: (error?: Error | null) => void) => void): AsyncGenerator<Buffer> {
    let isTaken = false;
    start((error) => {
      this.#failure ??= error ?? undefined;
      isTaken = true;
      this.#wake();
    });
    for (;;) {
      const wasTaken = isTaken || this.#isEnded;
      const piece = this.#stream.read() as Buffer | null;
      if (this.#failure !== undefined) {
        throw decompressionError(this.#compression, messageOf(this.#failure), this.#failure);
      }
      if (piece !== null) yield piece;
      else if (wasTaken) return;
      else if (!isTaken && !this.#isEnded) await this.#change();
    }
  }

  async #change(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }
}
