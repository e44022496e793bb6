import { abortable } from "../../async/abort.ts";
import type { Flow } from "../../bandwidth/flow.ts";
import { Tap } from "../../bandwidth/tap.ts";
import { ErrInternal, ErrOutOfRange, ErrUnavailable } from "../../errors/classes.ts";
import { contentCodings, decodeBytes } from "../http/content-coding.ts";
import type { ChunkSink, HttpBody } from "../http/send.ts";
import type { ConnectionLimits } from "./connection-options.ts";
import type { BodyControl } from "./direct-body.ts";
import { RateWatch } from "./rate-watch.ts";
import { errors } from "./undici.ts";

/** Longest rest of a body that is read for the sake of the connection when nobody wants it. */
const MAX_DISCARDED_BYTES = 64 * 1024;

/** Longest time spent on that; a new connection is not worth more. */
const MAX_DISCARD_MS = 1_000;

/** Longest time for the beginning of a body that only explains a failure. */
const MAX_HEAD_MS = 10_000;

/** What an `IncomingBody` knows of its answer. */
export interface IncomingBodyOptions {
  /** From Content-Length; `undefined` when the server did not say, or the answer has no body. */
  readonly expectedBytes: number | undefined;
  /** Origin of the answer, for errors. */
  readonly endpoint: string;
  /** The header. Whole bodies are decoded by it, piped ones are given as they came. */
  readonly contentEncoding: string | string[] | undefined;
  readonly limits: ConnectionLimits;
  /**
   * Whether a chunk lies in memory that is used again as soon as the call returns that gives it, and whoever the body is piped to may
   * need it for longer: then he gets a copy. Default: none does.
   */
  readonly isFleeting?: ((chunk: Uint8Array) => boolean) | undefined;
  /** How fast it may be piped. Default: as fast as it comes. */
  readonly flow?: Flow | undefined;
  /** The request's. */
  readonly signal?: AbortSignal | undefined;
  /** Makes the error of a broken connection; `progress` says how many bytes came. */
  readonly asError: (error: unknown, progress: string) => Error;
}

const NONE = Buffer.alloc(0);

type End = { readonly kind: "complete" } | { readonly kind: "failed"; readonly error: Error };

/**
 * The body of an answer as it comes from undici. The connection is paused until the body is claimed, and again
 * whenever the sink returns a promise or its flow allows no more. Ends only after the sink is done with the last chunk that it got,
 * whatever happened to the connection meanwhile.
 */
export class IncomingBody implements HttpBody {
  readonly #controller: BodyControl;
  readonly #options: IncomingBodyOptions;
  readonly #done = Promise.withResolvers<void>();
  readonly #rate: RateWatch;
  /** Chunks that undici flushed out of a paused parser because the connection is over. */
  readonly #late: Buffer[] = [];
  #sink: ChunkSink | undefined;
  /** Which chunks the sink gets as copies. */
  #isFleeting: ((chunk: Uint8Array) => boolean) | undefined;
  #tap: Tap | undefined;
  #busy = false;
  /** Whether its reader knows how it ended. */
  #isOver = false;
  #receivedBytes = 0;
  #end: End | undefined;

  constructor(controller: BodyControl, options: IncomingBodyOptions) {
    this.#controller = controller;
    this.#options = options;
    this.#rate = new RateWatch(options.limits, {
      onIdle: () => this.#abort(options.asError(new errors.BodyTimeoutError(), this.#progress())),
      onSlow: (words) => this.#abort(this.#lateness(`too slow: ${words}`)),
    });
    this.#done.promise.catch(() => {}); // seen by whoever claims the body, perhaps later
    controller.pause();
  }

  pipeTo(sink: ChunkSink): Promise<void> {
    const { flow, isFleeting } = this.#options;
    if (flow && !this.#sink) this.#tap = new Tap(flow);
    this.#isFleeting = isFleeting;
    return this.#pipe(sink);
  }

  #pipe(sink: ChunkSink): Promise<void> {
    if (this.#sink) return Promise.reject(new ErrInternal("read body: it was read or discarded already"));
    this.#sink = sink;
    if (this.#end === undefined) this.#rate.start();
    this.#advance();
    return this.#done.promise;
  }

  async bytes(maxBytes: number): Promise<Uint8Array> {
    const { endpoint, expectedBytes = 0, contentEncoding, limits } = this.#options;
    const tooLong = (): Error =>
      new ErrOutOfRange(`read body from ${endpoint}: longer than ${maxBytes} bytes`, { endpoint });
    const { documentTimeoutMs } = limits;
    const onLate = (): void => this.#abort(this.#lateness(`not complete after ${documentTimeoutMs} ms`));
    const timer = setTimeout(onLate, documentTimeoutMs);
    const chunks: Uint8Array[] = [];
    let length = 0;
    if (expectedBytes > maxBytes) this.#abort(tooLong());
    try {
      await this.#pipe((chunk) => {
        length += chunk.length;
        if (length > maxBytes) throw tooLong();
        chunks.push(Uint8Array.from(chunk));
      });
    } finally {
      clearTimeout(timer);
    }
    return await decodeBytes(Buffer.concat(chunks, length), contentCodings(contentEncoding), {
      maxBytes,
      endpoint,
    });
  }

  async head(maxBytes: number): Promise<Uint8Array> {
    const { contentEncoding, endpoint } = this.#options;
    const enough = new ErrInternal("read the beginning of a body: long enough");
    const timer = setTimeout(() => this.#abort(enough), MAX_HEAD_MS);
    const chunks: Uint8Array[] = [];
    let missing = maxBytes;
    const read = this.#pipe((chunk) => {
      chunks.push(Uint8Array.from(chunk.subarray(0, missing)));
      missing -= Math.min(missing, chunk.length);
      if (missing === 0) throw enough;
    });
    await read.catch(() => {}); // what came is what there is to say
    clearTimeout(timer);
    const came = Buffer.concat(chunks);
    return await decodeBytes(came, contentCodings(contentEncoding), { maxBytes, endpoint }).catch(() => NONE);
  }

  async discard(): Promise<void> {
    const enough = new ErrInternal("discard body: not worth reading");
    const timer = setTimeout(() => this.#abort(enough), MAX_DISCARD_MS);
    let length = 0;
    if ((this.#options.expectedBytes ?? 0) > MAX_DISCARDED_BYTES) this.#abort(enough);
    const read = this.#pipe((chunk) => {
      length += chunk.length;
      if (length > MAX_DISCARDED_BYTES) throw enough;
    });
    await read.catch(() => {}); // the body was given up: how it ends is nobody's business
    clearTimeout(timer);
  }

  /** A chunk from the connection; its bytes are valid for the sink as the connection's feed says, and for us until the call returns. */
  push(chunk: Buffer): void {
    if (chunk.length === 0) return; // what a resumed parser says that has nothing; to pause for it would never end
    this.#receivedBytes += chunk.length;
    this.#rate.received(chunk.length);
    if (this.#busy || !this.#sink) {
      this.#late.push(Buffer.from(chunk));
      return;
    }
    if (this.#isFleeting?.(chunk)) this.#deliver(this.#sink, Buffer.from(chunk), true);
    else this.#deliver(this.#sink, chunk);
    if (this.#end) this.#advance(); // the sink itself ended the request
  }

  /** The whole body has come. */
  complete(): void {
    this.#rate.stop();
    this.#end ??= { kind: "complete" };
    this.#advance();
  }

  /** Nothing more will come. */
  fail(error: unknown): void {
    this.#rate.stop();
    this.#end ??= { kind: "failed", error: this.#options.asError(error, this.#progress()) };
    this.#advance();
  }

  #lateness(words: string): ErrUnavailable {
    const { endpoint } = this.#options;
    const message = `read body from ${endpoint}: ${words}: ${this.#progress()}`;
    return new ErrUnavailable(message, { endpoint, retryable: true });
  }

  #progress(): string {
    const { expectedBytes } = this.#options;
    return `got ${this.#receivedBytes} of ${expectedBytes ?? "unknown"} bytes`;
  }

  /**
   * Gives a chunk to the sink: in parts, where the flow allows no more at once. What is to wait is copied unless it is ours, as other
   * sockets may read into the same memory.
   */
  #deliver(sink: ChunkSink, chunk: Buffer, isOurs = false): void {
    this.#busy = true;
    try {
      for (let rest = chunk; rest.length > 0; ) {
        const bytes = this.#allowed(rest.length);
        const isAll = bytes === rest.length;
        const waiting = bytes === 0 ? this.#flowing() : sink(isAll ? rest : rest.subarray(0, bytes));
        rest = isAll ? NONE : rest.subarray(bytes);
        if (!waiting) continue;
        const kept = isOurs || isAll ? rest : Buffer.from(rest);
        this.#wait(waiting, () => this.#deliver(sink, kept, true));
        return;
      }
      this.#busy = false;
    } catch (error) {
      this.#abort(error);
    }
  }

  #allowed(bytes: number): number {
    const { expectedBytes = Number.POSITIVE_INFINITY } = this.#options;
    const mostBytes = expectedBytes - this.#receivedBytes + bytes; // what is not in this chunk comes as well
    return this.#tap?.take(bytes, Math.max(bytes, mostBytes)) ?? bytes;
  }

  /** Whoever does not want the body any more need not wait for the bytes that have come. */
  async #flowing(): Promise<void> {
    await abortable(this.#tap?.flowing ?? Promise.resolve(), this.#options.signal);
  }

  #wait(waiting: Promise<void>, deliverRest: () => void): void {
    this.#controller.pause();
    this.#rate.pause();
    waiting.then(
      () => this.#goOn(deliverRest),
      (error: unknown) => this.#abort(error),
    );
  }

  #goOn(deliverRest: () => void): void {
    if (this.#isOver) return;
    this.#rate.resume();
    deliverRest();
    if (!this.#busy) this.#advance();
  }

  /** Does what can be done now: late chunks, then the end, otherwise more from the connection. */
  #advance(): void {
    const sink = this.#sink;
    if (!sink) return;
    while (!this.#busy) {
      const chunk = this.#late.shift();
      if (!chunk) break;
      this.#deliver(sink, chunk, true);
    }
    if (this.#busy) return;
    const end = this.#end;
    if (end === undefined) this.#controller.resume();
    else this.#settle(() => (end.kind === "complete" ? this.#done.resolve() : this.#done.reject(end.error)));
  }

  /** Closes the connection; `error` is what the reader gets, even after a complete answer. */
  #abort(error: unknown): void {
    this.#late.length = 0;
    this.#settle(() => this.#done.reject(error));
    if (this.#end === undefined)
      this.#controller.abort(error instanceof Error ? error : new ErrInternal(String(error)));
  }

  #settle(settle: () => void): void {
    this.#isOver = true;
    this.#tap?.close();
    settle();
  }
}
