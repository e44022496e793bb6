import { type ClientHttp2Stream, constants, type OutgoingHttpHeaders } from "node:http2";
import { abortError } from "../../../async/abort.ts";
import type { Release } from "../../../async/keyed-lock.ts";
import { ErrResourceExhausted } from "../../../errors/classes.ts";
import type { GrpcStatus } from "../../../errors/grpc.ts";
import { frame, MAX_MESSAGE_BYTES } from "../wire/frame.ts";
import { MessageReader } from "../wire/message-reader.ts";
import { statusOf } from "../wire/status-headers.ts";
import {
  CallFailure,
  closedFailure,
  lostFailure,
  noStatusFailure,
  notGrpcFailure,
  resetFailure,
} from "./call-failure.ts";
import type { SessionLease } from "./connection.ts";

/**
 * One call as the client sees it: messages out, messages in, and in the end exactly one status. Whoever made it
 * disposes of it.
 */
export class ClientCall implements Disposable {
  readonly #stream: ClientHttp2Stream;
  readonly #lease: SessionLease;
  readonly #reader: MessageReader;
  readonly #controller = new AbortController();
  readonly #ended = Promise.withResolvers<void>();
  #ignoreSignal: Release | undefined;
  /** How the call ended; `undefined` until it has. */
  #outcome: { readonly failure: Error | undefined } | undefined;

  /** @param lease given back when the call is over. Throws `CallFailure` when its connection takes no more calls. */
  constructor(lease: SessionLease, headers: OutgoingHttpHeaders) {
    this.#lease = lease;
    const stream = openStream(lease, headers);
    this.#stream = stream;
    this.#reader = new MessageReader(stream, {
      signal: this.#controller.signal,
      maxBytes: MAX_MESSAGE_BYTES,
    });
    stream.on("error", () => {}); // "close" comes as well, and tells more
    stream.on("response", (got) => {
      const status = statusOf(got);
      const wrong = status ? undefined : notGrpcFailure(got);
      if (status) this.#settle(status);
      else if (wrong) this.cancel(wrong);
    });
    stream.on("trailers", (got) => this.#settle(statusOf(got)));
    // If there are trailers, they come within the same turn.
    stream.on("end", () => setImmediate(() => this.#finishUnexplained()));
    stream.on("close", () => this.#closed());
  }

  /** Calls `listener` when the call is over and nothing of it is left. */
  onClose(listener: () => void): void {
    this.#stream.once("close", listener);
  }

  /**
   * Sends a message, of which a copy is made. Throws `ErrResourceExhausted` for one that is too large for any service
   * of ours.
   */
  send(message: Uint8Array): void {
    if (message.byteLength > MAX_MESSAGE_BYTES) {
      const words = `send message: got ${message.byteLength} bytes, want at most ${MAX_MESSAGE_BYTES}`;
      throw new ErrResourceExhausted(words);
    }
    this.#stream.write(frame(message));
  }

  /** Cancels the call when the signal fires, until the call is disposed of. */
  cancelOn(signal: AbortSignal): void {
    const onAbort = (): void => this.cancel(abortError(signal));
    this.#ignoreSignal = () => signal.removeEventListener("abort", onAbort);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  }

  /** Half-closes: no more messages follow. */
  end(): void {
    this.#stream.end();
  }

  /**
   * The next message; `undefined` when the call has ended well. The message's bytes stay as they are. Rejects with `CallFailure`
   * when the call ended otherwise, with what it was cancelled for, and with the errors of `MessageReader.next`.
   */
  async next(): Promise<Uint8Array | undefined> {
    let message: Uint8Array | undefined;
    try {
      message = await this.#reader.next();
    } catch (error) {
      throw await this.#giveUp(error);
    }
    if (message) return message;
    await this.#ended.promise;
    if (this.#outcome?.failure) throw this.#outcome.failure;
    return undefined;
  }

  /** Ends the call for this reason, unless it has ended. */
  cancel(reason: Error): void {
    this.#finish(reason);
    this.#controller.abort(reason);
    this[Symbol.dispose]();
  }

  /** Cancels what is not over yet. */
  [Symbol.dispose](): void {
    this.#ignoreSignal?.();
    this.#reader.discard(); // a stream that is not read never closes
    const { closed, readableEnded, writableEnded } = this.#stream;
    if (!closed && !(readableEnded && writableEnded)) this.#stream.close(constants.NGHTTP2_CANCEL);
  }

  #settle(status: GrpcStatus | undefined): void {
    if (!status) this.#finish(noStatusFailure());
    else this.#finish(status.code === 0 ? undefined : new CallFailure(status, "told"));
  }

  #finish(failure: Error | undefined): void {
    this.#outcome ??= { failure };
    this.#ended.resolve();
  }

  /**
   * The call's end explains why a message is not whole; otherwise the message itself is wrong, and the call is
   * cancelled for it.
   */
  async #giveUp(error: unknown): Promise<unknown> {
    if (this.#stream.readableEnded) await this.#ended.promise;
    const failure = this.#outcome?.failure ?? error;
    this.cancel(failure instanceof Error ? failure : new Error(String(failure)));
    return failure;
  }

  #closed(): void {
    this.#finishUnexplained();
    // Whoever still waits for a message waits in vain. What has arrived before a good end is still to be read.
    if (!this.#stream.readableEnded) this.#controller.abort();
    this.#lease.release();
  }

  /** For a stream that ended without a status, as far as nobody knows better. */
  #finishUnexplained(): void {
    if (this.#outcome) return;
    const { session, lost } = this.#lease;
    const code = this.#stream.rstCode ?? 0;
    if (session.destroyed) this.#finish(lostFailure(lost()));
    else if (code === 0) this.#finish(noStatusFailure());
    else this.#finish(resetFailure(code));
  }
}

function openStream({ session, release }: SessionLease, headers: OutgoingHttpHeaders): ClientHttp2Stream {
  try {
    return session.request(headers, { endStream: false });
  } catch (cause) {
    release();
    throw closedFailure(cause);
  }
}
