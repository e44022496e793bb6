import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { ErrAborted } from "../../errors/classes.ts";
import type { LiveRecord } from "./request-log.ts";

/** One request and its answer on the wire. */
export class Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly record: LiveRecord;
  readonly #socket: Socket;
  readonly #gone = new AbortController();

  /** `socket` is the TCP connection, also under TLS. */
  constructor(request: IncomingMessage, options: Pick<Exchange, "response" | "record"> & { socket: Socket }) {
    this.request = request;
    this.response = options.response;
    this.record = options.record;
    this.#socket = options.socket;
    this.response.once("close", () => this.#gone.abort());
  }

  /** Whether the answer is complete, or the connection closed. */
  get isOver(): boolean {
    return this.#gone.signal.aborted;
  }

  /** Waits for `promise` to settle either way. Throws `ErrAborted` when the connection closes before. */
  readonly wait = async (promise: Promise<unknown>): Promise<void> => {
    const { signal } = this.#gone;
    const { promise: settled, resolve, reject } = Promise.withResolvers<void>();
    const onGone = (): void => reject(new ErrAborted("Answer request: connection closed"));
    if (signal.aborted) onGone();
    signal.addEventListener("abort", onGone, { once: true });
    promise.then(
      () => resolve(),
      () => resolve(),
    );
    try {
      await settled;
    } finally {
      signal.removeEventListener("abort", onGone);
    }
  };

  /** The body of the request. Throws `ErrAborted`, the connection reset, after `resetAfter` bytes of it. */
  async *body(resetAfter = Number.POSITIVE_INFINITY): AsyncIterable<Uint8Array> {
    const chunks: AsyncIterable<Uint8Array> = this.request.iterator({ destroyOnReturn: false });
    for await (const chunk of chunks) {
      const part = chunk.subarray(0, resetAfter - this.record.bytesReceived);
      this.record.bytesReceived += part.byteLength;
      if (part.byteLength > 0) yield part;
      if (this.record.bytesReceived < resetAfter) continue;
      this.reset();
      throw new ErrAborted("Read request body: connection reset by a fault");
    }
  }

  /** Writes a part of the body; resolves once the kernel has it, so that no more than one chunk waits in memory. */
  async write(chunk: Uint8Array): Promise<void> {
    const { promise: written, resolve } = Promise.withResolvers<void>();
    this.response.write(chunk, () => resolve());
    await this.wait(written);
    this.record.bytesSent += chunk.byteLength;
  }

  /** Closes the connection by RST. */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  /** Closes the connection by FIN once what was written is sent. */
  hangUp(): void {
    this.request.socket.destroySoon();
  }
}
