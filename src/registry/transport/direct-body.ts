import type { Dispatcher } from "undici";
import type { SocketFeed } from "./socket-feed.ts";

/** What holds a body up, lets it go on, and closes its connection. */
export type BodyControl = Pick<Dispatcher.DispatchController, "pause" | "resume" | "abort">;

/** What a direct body is made of. */
export interface DirectBodyParts {
  /** Of the connection that brings it. */
  readonly feed: SocketFeed;
  /** Of the request. */
  readonly controller: BodyControl;
  /** How long it is. */
  readonly byteCount: number;
  /** Takes a chunk, which is valid as those of the feed are. */
  readonly onChunk: (chunk: Buffer) => void;
  /** Called once, when all of it has been taken. */
  readonly onEnd: () => void;
}

/**
 * A body of known length that goes past undici's parser, which would copy each byte into its own memory to find that it is one of
 * the body. undici has read the headers and counts as held up from then on: it tells how the connection ends, and closes it. Nothing
 * else can come over that connection.
 */
export class DirectBody implements BodyControl {
  readonly #parts: DirectBodyParts;
  #missing: number;
  #isBegun = false;
  #isAborted = false;

  constructor(parts: DirectBodyParts) {
    this.#parts = parts;
    this.#missing = parts.byteCount;
  }

  pause(): void {
    const { feed, controller } = this.#parts;
    if (this.#isBegun) feed.holdUp();
    else controller.pause(); // it gives back what it has read behind the headers
  }

  resume(): void {
    const { feed } = this.#parts;
    if (!this.#isBegun) feed.divert((chunk) => this.#take(chunk));
    this.#isBegun = true;
    feed.goOn();
  }

  abort(reason: Error): void {
    this.#isAborted = true;
    this.#parts.controller.abort(reason);
  }

  /** The connection has ended: what came over it and was held up is taken now. */
  flush(): void {
    if (this.#isBegun) this.#parts.feed.flush();
  }

  #take(chunk: Buffer): void {
    const { onChunk, onEnd } = this.#parts;
    if (this.#isAborted || this.#missing === 0) return; // what is more than the answer may have is nobody's
    const part = chunk.length > this.#missing ? chunk.subarray(0, this.#missing) : chunk;
    this.#missing -= part.length;
    onChunk(part);
    if (this.#missing === 0) onEnd();
  }
}
