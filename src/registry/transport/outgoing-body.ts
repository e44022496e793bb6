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

/** A piece for the socket, or the end. */
type Taken = IteratorResult<Uint8Array, undefined>;

const END = { done: true, value: undefined } as const;

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
  /** Whether the socket has a piece to write. */
  #isWaited = false;
  /** Since when. */
  #offeredAtMs = 0;
  readonly #onLook = (): void => this.#look();
  readonly #onRead = (result: IteratorResult<Uint8Array>): Taken | Promise<Taken> => this.#came(result);
  readonly #onFailure = (error: unknown): Promise<Taken> => this.#breaks(error);

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

  next(): Promise<Taken> {
    this.#isWaited = false;
    const taken = this.#take();
    return taken instanceof Promise ? taken : Promise.resolve(taken);
  }

  async return(): Promise<Taken> {
    this.#stop();
    return END;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The next piece as soon as there is one that may go; the end after the last one. */
  #take(): Taken | Promise<Taken> {
    if (this.#stopped) return this.#neverMind();
    const { length } = this.#rest;
    if (length === 0) return this.#ended ? this.#allGiven() : this.#read();
    const bytes = this.#allowed(Math.min(length, MAX_PIECE_BYTES));
    return bytes > 0 ? this.#give(bytes) : this.#flowing().then(() => this.#take());
  }

  #give(bytes: number): Taken {
    const piece = bytes === this.#rest.length ? this.#rest : this.#rest.subarray(0, bytes);
    this.#rest = piece === this.#rest ? NONE : this.#rest.subarray(bytes);
    this.#givenBytes += bytes;
    this.#watch();
    // For a piece below the socket's mark undici does not wait until it is written.
    const waitedFor = bytes >= getDefaultHighWaterMark(false);
    return { done: false, value: waitedFor ? piece : Uint8Array.from(piece) };
  }

  #allGiven(): Taken {
    this.#tap?.close();
    if (!this.#answered) this.#options.onGiven?.();
    return END;
  }

  /** One timer for all pieces looks for how long the newest one has waited: thousands of them are sent in a second. */
  #watch(): void {
    this.#isWaited = true;
    this.#offeredAtMs = performance.now();
    this.#idleTimer ??= setTimeout(this.#onLook, this.#options.idleTimeoutMs);
  }

  #look(): void {
    const { idleTimeoutMs, onIdle } = this.#options;
    const leftMs = this.#isWaited ? this.#offeredAtMs + idleTimeoutMs - performance.now() : idleTimeoutMs;
    if (leftMs <= 0) onIdle();
    else this.#idleTimer = setTimeout(this.#onLook, Math.max(1, Math.ceil(leftMs)));
  }

  /** How many of so many bytes may go now. */
  #allowed(bytes: number): number {
    const { flow } = this.#options;
    if (!flow) return bytes;
    this.#tap ??= new Tap(flow);
    return this.#tap.take(bytes, this.#body.lengthBytes - this.#givenBytes);
  }

  async #flowing(): Promise<void> {
    await this.#tap?.flowing;
  }

  #read(): Promise<Taken> {
    try {
      if (this.#givenBytes > 0) this.#body.onTaken?.(this.#givenBytes);
      this.#source ??= this.#body.open()[Symbol.asyncIterator]();
      return this.#source.next().then(this.#onRead, this.#onFailure);
    } catch (error) {
      return this.#breaks(error);
    }
  }

  #breaks(error: unknown): Promise<Taken> {
    this.#body.onFailure?.(error);
    if (this.#stopped) return this.#neverMind(); // nobody wants these bytes any more
    return Promise.reject(this.#failed(error));
  }

  #came({ done, value }: IteratorResult<Uint8Array>): Taken | Promise<Taken> {
    if (!this.#stopped) {
      this.#ended = done === true;
      this.#rest = done ? NONE : value;
      const wrong = this.#wrongLength();
      if (wrong) throw this.#failed(wrong);
    }
    return this.#take();
  }

  #failed(error: unknown): unknown {
    this.#failure = { error };
    return error;
  }

  #wrongLength(): ErrDataLoss | undefined {
    const { lengthBytes } = this.#body;
    const bytes = this.#givenBytes + this.#rest.length;
    if (this.#ended ? bytes === lengthBytes : bytes <= lengthBytes) return undefined;
    const got = this.#ended ? `${bytes} bytes` : `${bytes} bytes or more`;
    return new ErrDataLoss(`send body: got ${got}, wanted ${lengthBytes}`);
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
