import type { Readable } from "node:stream";
import { abortError, throwIfAborted } from "../../async/abort.ts";

/**
 * The requests of a stream, one by one. Unlike the stream's own iterator it leaves the stream alone when the handler stops
 * early: a destroyed stream could send no status.
 */
export class RequestReader<I> {
  readonly #stream: Readable;
  readonly #signal: AbortSignal;

  constructor(stream: Readable, signal: AbortSignal) {
    this.#stream = stream;
    this.#signal = signal;
  }

  /** The next request; `undefined` when the client has half-closed. Rejects with `ErrCanceled` when the call is cancelled. */
  async next(): Promise<I | undefined> {
    for (;;) {
      throwIfAborted(this.#signal);
      const request: I | null = this.#stream.read();
      if (request !== null) return request;
      if (this.#stream.readableEnded) return undefined;
      await this.#change();
    }
  }

  #change(): Promise<void> {
    const [stream, signal] = [this.#stream, this.#signal];
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        stream.off("readable", settle).off("end", settle);
        signal.removeEventListener("abort", settle);
        if (signal.aborted) reject(abortError(signal));
        else resolve();
      };
      stream.on("readable", settle).on("end", settle);
      signal.addEventListener("abort", settle, { once: true });
    });
  }
}
