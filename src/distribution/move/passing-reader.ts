import { type AbortOptions, anySignal } from "../../async/abort.ts";
import { KeyedLock, type Release } from "../../async/keyed-lock.ts";
import { onAbort } from "../../async/on-abort.ts";
import { Pulled } from "../../async/pulled.ts";
import type { StreamingReader } from "../../content/store.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { BlobStream } from "./blob-stream.ts";
import type { Passage } from "./passage.ts";

const NONE = new Uint8Array();

const NOTHING = Promise.resolve(undefined);

/** What a `PassingReader` reads. */
export interface PassingParts extends AbortOptions {
  readonly blob: Descriptor;
  /** What has passed of it before. */
  readonly passage: Passage;
  /** Brings the content into the stream, from where that begins. */
  readonly bring: (stream: BlobStream, signal: AbortSignal) => Promise<unknown>;
}

/** A stream that is being filled. */
interface Filling {
  readonly stream: BlobStream;
  readonly stop: () => Promise<void>;
}

/**
 * Content that is elsewhere, read while it comes: in order from one stream, and from another one where somebody goes back. It is kept
 * nowhere. Where it is checked, the last bytes are told only when all that has passed is verified.
 */
export class PassingReader implements StreamingReader {
  readonly size: number;
  readonly #parts: PassingParts;
  #filling: Filling | undefined;
  #position = 0;
  /** Of the newest chunk, what was not read yet. */
  #rest: Uint8Array = NONE;
  readonly #turns = new KeyedLock();

  constructor(parts: PassingParts) {
    this.#parts = parts;
    this.size = parts.blob.size;
  }

  /** Has it come from its start, before anybody asks: its source and whoever will get it are spoken to at the same time. */
  begin(): void {
    this.#filling ??= this.#fill(0);
  }

  async readAt(buffer: Uint8Array, offset: number): Promise<number> {
    let filled = 0;
    for await (const chunk of this.chunks(offset, Math.min(this.size, offset + buffer.byteLength))) {
      buffer.set(chunk, filled);
      filled += chunk.byteLength;
    }
    return filled;
  }

  /** One reads at a time: somebody who has left may still wait for his last bytes. */
  chunks(offset: number, end: number): AsyncIterable<Uint8Array> {
    let release: Release | undefined;
    let stream: BlobStream | undefined;
    const begin = async (): Promise<Uint8Array | undefined> => {
      release = await this.#turns.acquire("", this.#parts);
      ({ stream } = await this.#at(offset));
      return await this.#next(stream, end);
    };
    return new Pulled({
      next: () => (stream ? this.#next(stream, end) : begin()),
      take: (chunk) => this.#take(chunk, end),
      close: () => release?.(),
    });
  }

  /** What comes next, unless there is a rest of what came before, or `end` is reached. */
  #next(stream: BlobStream, end: number): Promise<Uint8Array | undefined> {
    return this.#rest.byteLength > 0 || this.#position >= end ? NOTHING : stream.next();
  }

  /** Bytes up to `end`, first of all those that are left of what came before; `undefined` when there are none. */
  #take(came: Uint8Array | undefined, end: number): Uint8Array | undefined {
    if (this.#rest.byteLength === 0) this.#rest = came ?? NONE;
    const wanted = end - this.#position;
    const chunk = this.#rest.byteLength <= wanted ? this.#rest : this.#rest.subarray(0, wanted);
    if (chunk.byteLength === 0) return undefined;
    this.#rest = chunk === this.#rest ? NONE : this.#rest.subarray(wanted);
    this.#position += chunk.byteLength;
    return chunk;
  }

  async close(): Promise<void> {
    await this.#filling?.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #at(offset: number): Promise<Filling> {
    if (this.#filling && this.#position === offset) return this.#filling;
    await this.#filling?.stop();
    this.#rest = NONE;
    this.#position = offset;
    this.#filling = this.#fill(offset);
    return this.#filling;
  }

  #fill(offset: number): Filling {
    const { blob, passage, bring, signal: outer } = this.#parts;
    const stream = new BlobStream(blob, { offset, passage });
    const stopping = new AbortController();
    const signal = anySignal(outer, stopping.signal);
    const stopListening = onAbort(signal, () => stream.leave());
    const filled = bring(stream, signal)
      .then(
        () => stream.ended(),
        (error: unknown) => stream.ended({ error }),
      )
      .finally(stopListening);
    return {
      stream,
      async stop() {
        stopping.abort();
        await filled;
      },
    };
  }
}
