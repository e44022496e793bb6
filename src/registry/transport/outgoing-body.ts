import { getDefaultHighWaterMark } from "node:stream";
import type { Flow } from "../../bandwidth/flow.ts";
import { Tap } from "../../bandwidth/tap.ts";
import { ErrAborted, ErrDataLoss } from "../../errors/classes.ts";
import type { StreamedBody } from "../http/send.ts";

/**
 * Most bytes given to the socket at once. Half of it costs a seventh more CPU time, twice as much saves nothing any more; the
 * server has 30 seconds for taking one, which a line of 18 kB/s does.
 */
export const MAX_PIECE_BYTES = 512 * 1024;

const NONE = new Uint8Array();

/** What an `OutgoingBody` needs to know. */
export interface OutgoingBodyOptions {
  /** Longest time that one piece may wait to be taken. */
  readonly idleTimeoutMs: number;
  /** Called once when it was longer. */
  readonly onIdle: () => void;
  /** Called once when the socket has taken all of it, unless the server has answered before. */
  readonly onGiven?: (() => void) | undefined;
  /** How fast it may go. Default: as fast as the socket takes it. */
  readonly flow?: Flow | undefined;
}

/**
 * A streamed body on its way into undici, which takes it by `for await`: it asks for the next piece once the socket has
 * written the one before, whose bytes are then free to be overwritten. Once the server has answered nothing more is read,
 * and undici waits until the answer has ended: to break off any earlier would cost the answer.
 */
export class OutgoingBody implements AsyncIterableIterator<Uint8Array> {
  readonly #body: StreamedBody;
  readonly #options: OutgoingBodyOptions;
  readonly #over = Promise.withResolvers<void>();
  #source: AsyncIterator<Uint8Array> | undefined;
  #tap: Tap | undefined;
  /** Of the newest chunk, what was not given away yet. */
  #rest: Uint8Array = NONE;
  #givenBytes = 0;
  #ended = false;
  #stopped = false;
  #answered = false;
  #failure: { readonly error: unknown } | undefined;
  #idleTimer: NodeJS.Timeout | undefined;

  constructor(body: StreamedBody, options: OutgoingBodyOptions) {
    this.#body = body;
    this.#options = options;
  }

  /** Why the body itself could not be read, if so. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure;
  }

  /** How much of it was given to the socket, for messages. */
  get progress(): string {
    return `sent ${this.#givenBytes} of ${this.#body.lengthBytes} bytes`;
  }

  /** The answer has come: whatever is left is not wanted. */
  answered(): void {
    this.#answered = true;
    if (this.#givenBytes < this.#body.lengthBytes) this.#stop();
  }

  /** The exchange is over. */
  finish(): void {
    this.#stop();
    this.#over.resolve();
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    clearTimeout(this.#idleTimer);
    while (this.#rest.length === 0 && !this.#ended && !this.#stopped) await this.#read();
    const bytes = await this.#allowed(Math.min(this.#rest.length, MAX_PIECE_BYTES));
    if (this.#stopped) await this.#neverMind();
    if (this.#rest.length === 0) {
      this.#tap?.close();
      if (!this.#answered) this.#options.onGiven?.();
      return { done: true, value: undefined };
    }
    const piece = bytes === this.#rest.length ? this.#rest : this.#rest.subarray(0, bytes);
    this.#rest = piece === this.#rest ? NONE : this.#rest.subarray(piece.length);
    this.#givenBytes += piece.length;
    this.#idleTimer = setTimeout(this.#options.onIdle, this.#options.idleTimeoutMs);
    // For a piece below the socket's mark undici does not wait until it is written.
    const waitedFor = piece.length >= getDefaultHighWaterMark(false);
    return { done: false, value: waitedFor ? piece : Uint8Array.from(piece) };
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#stop();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** How many of so many bytes may go now: waits until it is any. */
  async #allowed(bytes: number): Promise<number> {
    const { flow } = this.#options;
    if (!flow || bytes === 0 || this.#stopped) return bytes;
    this.#tap ??= new Tap(flow);
    for (;;) {
      const allowed = this.#tap.take(bytes, this.#body.lengthBytes - this.#givenBytes);
      if (allowed > 0 || this.#stopped) return allowed;
      await this.#tap.flowing;
    }
  }

  async #read(): Promise<void> {
    try {
      this.#source ??= this.#body.open()[Symbol.asyncIterator]();
      const { done, value } = await this.#source.next();
      if (this.#stopped) return;
      this.#ended = done === true;
      this.#rest = done ? NONE : value;
      this.#checkLength();
    } catch (error) {
      if (this.#stopped) return; // nobody wants these bytes any more
      this.#failure = { error };
      throw error;
    }
  }

  #checkLength(): void {
    const { lengthBytes } = this.#body;
    const bytes = this.#givenBytes + this.#rest.length;
    if (this.#ended ? bytes === lengthBytes : bytes <= lengthBytes) return;
    const got = this.#ended ? `${bytes} bytes` : `${bytes} bytes or more`;
    throw new ErrDataLoss(`send body: got ${got}, wanted ${lengthBytes}`);
  }

  async #neverMind(): Promise<never> {
    await this.#over.promise;
    throw new ErrAborted("send body: the exchange is over");
  }

  #stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    clearTimeout(this.#idleTimer);
    this.#tap?.close();
    this.#rest = NONE;
    // How closing ends changes nothing for a request that needs no more of it.
    this.#source?.return?.().catch(() => {});
  }
}
