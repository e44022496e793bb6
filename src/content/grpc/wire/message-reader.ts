import type { Readable } from "node:stream";
import { throwIfAborted } from "../../../async/abort.ts";
import {
  ErrInternal,
  ErrNotImplemented,
  ErrResourceExhausted,
  ErrUnavailable,
} from "../../../errors/classes.ts";
import { FRAME_HEAD_BYTES, readFrameHead } from "./frame.ts";
import type { MessageRoom, MessageShare } from "./message-room.ts";
import { plainly } from "./plainly.ts";

/** Bytes that may have arrived before anybody asks for them; what is above stays with the client. */
const MAX_WAITING_BYTES = 65_536;

/**
 * Messages up to this size, in bytes, are put together in memory of their call, which then serves its next ones: no more than
 * what a call leaves on its connection, and clients that copy by 32 KiB send eight thousand of them for a blob of 256 MiB.
 */
const SMALL_MESSAGE_BYTES = 65_536;

const NOTHING = Buffer.alloc(0);

const STALLED = "grpc: the rest of a message did not come while others waited for its memory";

/** What the reader needs to know. */
export interface MessageReaderOptions {
  readonly signal: AbortSignal;
  /** Largest message, in bytes. */
  readonly maxBytes: number;
  /** Where large messages are put together. Without it each one has memory of its own, and stays as it is after the next call. */
  readonly room?: MessageRoom | undefined;
}

/** The messages of a stream, one by one. At most one of them is in memory. */
export class MessageReader {
  readonly #stream: Readable;
  readonly #options: MessageReaderOptions;
  readonly #arrived: Buffer[] = [];
  #arrivedBytes = 0;
  #ended = false;
  #discarding = false;
  /** The chunk that is being taken apart. */
  #chunk: Buffer = NOTHING;
  /** Where small messages that come in several chunks are put together. */
  #small: Buffer = NOTHING;
  /** Where the last message was put together, if it was a large one that came in several chunks. */
  #share: MessageShare | undefined;
  #wake: (() => void) | undefined;

  constructor(stream: Readable, options: MessageReaderOptions) {
    this.#stream = stream;
    this.#options = options;
    stream.on("data", (chunk: Buffer) => {
      if (this.#discarding) return;
      this.#arrivedBytes += chunk.byteLength;
      this.#arrived.push(chunk);
      if (this.#arrivedBytes >= MAX_WAITING_BYTES) stream.pause();
      this.#wake?.();
    });
    stream.on("end", () => {
      this.#ended = true;
      this.#wake?.();
    });
    options.signal.addEventListener("abort", () => this.#wake?.(), { once: true });
  }

  /**
   * The next message; `undefined` when the other side has half-closed. Its bytes are good until the next call. Rejects with
   * `ErrResourceExhausted` for one that is too large, `ErrNotImplemented` for one that is compressed, `ErrInternal` when the
   * stream ends within one, `ErrUnavailable` when it stalls while others wait for its room, and with the signal's error.
   */
  async next(): Promise<Uint8Array | undefined> {
    this.release();
    const head = await this.#read(FRAME_HEAD_BYTES);
    if (!head) return undefined;
    const { compressed, length } = readFrameHead(head);
    const { maxBytes } = this.#options;
    if (compressed) throw plainly(new ErrNotImplemented("grpc: compressed messages are not supported"));
    if (length > maxBytes) {
      const words = `grpc: received message larger than max (${length} vs. ${maxBytes})`;
      throw plainly(new ErrResourceExhausted(words));
    }
    const message = await this.#read(length);
    if (!message) throw unexpectedEnd();
    return message;
  }

  /** Gives back the room of the last message: nobody works with its bytes any more. */
  release(): void {
    this.#share?.release(!this.#options.signal.aborted); // after an abort somebody may have left work behind
    this.#share = undefined;
  }

  /** Takes what is still to come off the connection, for nobody: a stream that is not read never closes. */
  discard(): void {
    this.#discarding = true;
    this.#stream.resume();
  }

  /** So many bytes; `undefined` at the end of the stream. */
  async #read(length: number): Promise<Uint8Array | undefined> {
    if (this.#chunk.byteLength === 0 && length > 0) this.#chunk = await this.#next();
    if (this.#chunk.byteLength >= length && (length === 0 || this.#chunk.byteLength > 0))
      return this.#take(length);
    if (this.#chunk.byteLength === 0) return undefined;
    const { room } = this.#options;
    const message =
      room && length > SMALL_MESSAGE_BYTES ? await this.#shareOf(room, length) : this.#ownMemory(length);
    for (let done = 0; ; this.#chunk = await this.#next()) {
      if (this.#chunk.byteLength === 0) throw unexpectedEnd();
      const part = this.#take(Math.min(this.#chunk.byteLength, length - done));
      message.set(part, done);
      done += part.byteLength;
      this.#share?.moved();
      if (done === length) break;
    }
    this.#share?.complete();
    return message;
  }

  #take(length: number): Uint8Array {
    const taken = this.#chunk.subarray(0, length);
    this.#chunk = this.#chunk.subarray(length);
    return taken;
  }

  #ownMemory(length: number): Buffer {
    if (!this.#options.room) return Buffer.allocUnsafeSlow(length);
    if (this.#small.byteLength < length) this.#small = Buffer.allocUnsafeSlow(length);
    return this.#small.subarray(0, length);
  }

  async #shareOf(room: MessageRoom, length: number): Promise<Buffer> {
    const share = await room.take(length, { signal: this.#options.signal });
    share.onLost = () => this.#wake?.();
    this.#share = share;
    return share.bytes;
  }

  /** The next chunk; an empty one at the end of the stream. */
  async #next(): Promise<Buffer> {
    for (;;) {
      throwIfAborted(this.#options.signal);
      if (this.#share?.isLost) throw plainly(new ErrUnavailable(STALLED));
      const chunk = this.#arrived.shift();
      if (chunk) {
        this.#arrivedBytes -= chunk.byteLength;
        if (chunk.byteLength > 0) return chunk;
      } else if (this.#ended) return NOTHING;
      else await this.#change();
    }
  }

  #change(): Promise<void> {
    this.#stream.resume();
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

function unexpectedEnd(): ErrInternal {
  return plainly(new ErrInternal("grpc: the stream ended in the middle of a message"));
}
