import {
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import { abortable } from "../../../async/abort.ts";
import { ErrCanceled, ErrDeadlineExceeded } from "../../../errors/classes.ts";
import type { GrpcStatus } from "../../../errors/grpc.ts";
import { MAX_MESSAGE_BYTES } from "../wire/frame.ts";
import { MessageReader } from "../wire/message-reader.ts";
import type { MessageRoom } from "../wire/message-room.ts";
import { statusHeaders } from "../wire/status-headers.ts";
import { timeoutMs } from "../wire/timeout-header.ts";
import { RESPONSE_HEADERS } from "./call-headers.ts";

/** The status of a call that went well. */
const OK: GrpcStatus = { code: 0, details: "" };

/** One call as the server sees it: messages in, messages out, and in the end exactly one status. */
export class ServerCall {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** Fires when the caller cancels, its deadline passes, its connection breaks or `cancel` is called, unless the call is over. */
  readonly signal: AbortSignal;
  readonly #controller = new AbortController();
  readonly #stream: ServerHttp2Stream;
  readonly #reader: MessageReader;
  readonly #deadline: NodeJS.Timeout | undefined;
  /** Whether the deadline has passed. */
  #isLate = false;
  /** What goes out behind the last message; until it is known the call is not over. */
  #trailers: OutgoingHttpHeaders | undefined;

  /** @param room where its messages are put together */
  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, room: MessageRoom) {
    this.path = headers[":path"] ?? "";
    this.headers = headers;
    this.signal = this.#controller.signal;
    this.#stream = stream;
    this.#reader = new MessageReader(stream, { signal: this.signal, maxBytes: MAX_MESSAGE_BYTES, room });
    this.#deadline = this.#watchDeadline(timeoutMs(headers));
    stream.on("error", () => {}); // "close" comes as well, and nobody else could be told
    stream.on("close", () => this.#lost());
    stream.on("aborted", () => this.#lost()); // "close" waits for somebody to read what came before the reset
    stream.on("wantTrailers", () => {
      stream.sendTrailers(this.#trailers ?? {});
      this.#stopListening();
    });
  }

  /** The next message, as `MessageReader.next` does it. */
  next(): Promise<Uint8Array | undefined> {
    return this.#reader.next();
  }

  /** Gives back the room of the last message, once nothing works with it any more. */
  release(): void {
    this.#reader.release();
  }

  /**
   * Sends a framed message. Resolves when the connection has taken it, only then may its bytes be reused. Rejects with the
   * signal's error. The bytes of the last request are not good any more: a client that takes no answer holds no room.
   */
  send(framed: Buffer): Promise<void> {
    this.release();
    const sent = new Promise<void>((resolve, reject) => {
      this.#respond();
      this.#stream.write(framed, (error) => (error ? reject(error) : resolve()));
    });
    return abortable(sent, this.signal);
  }

  /**
   * Ends the call well, with a last message if there is one. Resolves when all is out or the connection is gone, and to
   * whether the connection has taken all: only then may the message's bytes be reused.
   */
  finish(framed?: Buffer): Promise<boolean> {
    this.#settle(OK);
    return new Promise((resolve) => {
      if (this.#isGone()) return resolve(false);
      this.#respond();
      this.#stream.once("finish", () => resolve(true)).once("close", () => resolve(false));
      this.#stream.end(framed);
    });
  }

  /** Ends the call with an error. Does nothing when it is over. */
  fail(status: GrpcStatus): void {
    if (this.#trailers || this.#isGone()) return;
    const trailers = this.#settle(status);
    if (this.#stream.headersSent) this.#end();
    else {
      this.#stream.respond({ ...RESPONSE_HEADERS, ...trailers }, { endStream: true });
      this.#stopListening();
    }
  }

  /** Fires the signal. */
  cancel(reason: Error): void {
    this.#controller.abort(reason);
  }

  #lost(): void {
    clearTimeout(this.#deadline);
    if (!this.#trailers) this.cancel(new ErrCanceled("context canceled"));
    this.#reader.discard();
  }

  #isGone(): boolean {
    return this.#stream.closed || this.#stream.destroyed;
  }

  #respond(): void {
    if (!this.#stream.headersSent) this.#stream.respond(RESPONSE_HEADERS, { waitForTrailers: true });
  }

  /** Tells a client that has not half-closed to stop. */
  #stopListening(): void {
    // Not before the trailers are out, which happens within this turn: nghttp2 would drop them.
    setImmediate(() => {
      if (!this.#stream.readableEnded) this.#stream.close(constants.NGHTTP2_NO_ERROR);
    });
  }

  #settle(status: GrpcStatus): OutgoingHttpHeaders {
    this.#reader.discard();
    this.#trailers = statusHeaders(status);
    return this.#trailers;
  }

  /** Behind what the caller has not taken, a status would not arrive; past its deadline nobody waits for either. */
  #end(): void {
    if (this.#isLate && this.#stream.writableLength > 0) this.#stream.close(constants.NGHTTP2_CANCEL);
    else this.#stream.end();
  }

  #expire(): void {
    this.#isLate = true;
    if (!this.#trailers) this.cancel(new ErrDeadlineExceeded("context deadline exceeded"));
    else if (!this.#isGone()) this.#end();
  }

  #watchDeadline(ms: number | undefined): NodeJS.Timeout | undefined {
    if (ms === undefined) return undefined;
    return setTimeout(() => this.#expire(), ms);
  }
}
