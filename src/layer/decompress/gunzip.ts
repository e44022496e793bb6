import { messageOf } from "../../errors/message-of.ts";
import { decompressionError } from "./fault.ts";
import { readGzipHeader } from "./gzip-header.ts";
import { type RoomForPiece, SyncCodec } from "./sync-codec.ts";

/** Behind the deflate data: the checksum and the size of the content. */
const TRAILER_BYTES = 8;

/**
 * The content of gzip data with any number of members, and zeros behind the last one. Its CRC is passed over: the content has a
 * digest that covers it better, and computing both costs 7 % of the time. Its size is verified. A piece is good until the next
 * one is asked for, as is a chunk of the source. Throws `ErrDataLoss`, and what the source throws.
 */
export async function* gunzip(
  source: AsyncIterable<Uint8Array>,
  room?: RoomForPiece,
): AsyncGenerator<Buffer> {
  const members = new GzipMembers(room);
  try {
    for await (const chunk of source) yield* members.decode(chunk);
    members.finish();
  } finally {
    members.close();
  }
}

/** Where in a member the next byte is; `zeros` is what may follow the last one. */
type Part = "header" | "data" | "trailer" | "zeros";

class GzipMembers {
  readonly #codec: SyncCodec;
  readonly #trailer = Buffer.alloc(TRAILER_BYTES);
  #part: Part = "header";
  #header = startedHeader();
  /** Bytes of the header or trailer that were read. */
  #read = 0;
  #members = 0;
  /** Bytes of content of the current member. */
  #size = 0;

  constructor(room: RoomForPiece | undefined) {
    this.#codec = new SyncCodec("deflate", room);
  }

  *decode(chunk: Uint8Array): Generator<Buffer> {
    let rest = chunk;
    while (rest.byteLength > 0) {
      if (this.#part === "data") {
        yield* this.#decodeData(rest);
        rest = rest.subarray(rest.byteLength - this.#codec.left);
      } else {
        rest = rest.subarray(this.#readFrame(rest));
      }
    }
  }

  finish(): void {
    const isBetween = this.#part === "zeros" || (this.#part === "header" && this.#read === 0);
    if (this.#members > 0 && isBetween) return;
    throw decompressionError("gzip", "unexpected end of data");
  }

  close(): void {
    this.#codec.close();
  }

  *#decodeData(bytes: Uint8Array): Generator<Buffer> {
    try {
      for (const piece of this.#codec.decode(bytes)) {
        this.#size += piece.byteLength;
        yield piece;
      }
    } catch (cause) {
      throw decompressionError("gzip", messageOf(cause), cause);
    }
    if (this.#codec.left > 0) this.#part = "trailer";
  }

  /** Reads on in a header, a trailer or zeros; returns how many bytes were of it. */
  #readFrame(bytes: Uint8Array): number {
    let at = 0;
    for (const part = this.#part; at < bytes.byteLength && this.#part === part; at++) {
      this.#readByte(bytes[at] ?? 0);
    }
    return at;
  }

  #readByte(byte: number): void {
    switch (this.#part) {
      case "header":
        this.#readHeader(byte);
        break;
      case "trailer":
        this.#trailer[this.#read++] = byte;
        if (this.#read === TRAILER_BYTES) this.#endMember();
        break;
      case "zeros":
        if (byte !== 0) throw decompressionError("gzip", "something else follows the data");
        break;
      case "data":
    }
  }

  #readHeader(byte: number): void {
    if (this.#read === 0 && byte === 0 && this.#members > 0) {
      this.#part = "zeros";
      return;
    }
    this.#read++;
    if (this.#header.next(byte).done !== true) return;
    this.#codec.reset();
    this.#size = 0;
    this.#read = 0;
    this.#part = "data";
  }

  #endMember(): void {
    const wanted = this.#trailer.readUInt32LE(4);
    if (this.#size % 2 ** 32 !== wanted)
      throw decompressionError("gzip", "content of another size than it says");
    this.#members++;
    this.#header = startedHeader();
    this.#read = 0;
    this.#part = "header";
  }
}

/** A generator takes its first byte with the second call. */
function startedHeader(): ReturnType<typeof readGzipHeader> {
  const header = readGzipHeader();
  header.next();
  return header;
}
