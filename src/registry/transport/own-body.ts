import { abortable } from "../../async/abort.ts";
import type { BodyControl } from "./direct-body.ts";
import type { OwnResponse } from "./own-send.ts";
import { errors } from "./undici.ts";

/** Where the bytes of a body go, and who is told how it ends. */
export interface OwnBodyParts {
  /** How many there are to be; `undefined`: nobody knows. */
  readonly expectedBytes: number | undefined;
  readonly onChunk: (chunk: Buffer) => void;
  /** Called once, unless `onFailure` is. */
  readonly onEnd: () => void;
  readonly onFailure: (error: unknown) => void;
  /** Told that nobody wants the rest. */
  readonly onAbort: (error: Error) => void;
  readonly signal: AbortSignal;
}

/** A body that is asked for its chunks, given on as one that comes by itself and can be held up. */
export class OwnBody implements BodyControl {
  readonly #parts: OwnBodyParts;
  readonly #chunks: AsyncIterator<Uint8Array> | undefined;
  #isHeldUp = false;
  #goOn: (() => void) | undefined;

  constructor(body: OwnResponse["body"], parts: OwnBodyParts) {
    this.#parts = parts;
    this.#chunks = body?.[Symbol.asyncIterator]();
  }

  /** Begins to read, as far as it is not held up. What has no bytes ends at once, whoever may want them. */
  begin(): void {
    if (this.#chunks && this.#parts.expectedBytes !== 0) void this.#read();
    else this.#parts.onEnd();
  }

  pause(): void {
    this.#isHeldUp = true;
  }

  resume(): void {
    this.#isHeldUp = false;
    this.#goOn?.();
  }

  abort(reason: Error): void {
    this.#parts.onAbort(reason);
  }

  async #read(): Promise<void> {
    const { expectedBytes, onChunk, onEnd, onFailure, signal } = this.#parts;
    let bytes = 0;
    try {
      for (;;) {
        const { done, value } = await abortable(this.#next(), signal);
        if (done) break;
        bytes += value.byteLength;
        if (bytes > (expectedBytes ?? bytes)) break;
        onChunk(Buffer.from(value.buffer, value.byteOffset, value.byteLength));
      }
      if (expectedBytes !== undefined && bytes !== expectedBytes)
        throw new errors.ResponseContentLengthMismatchError();
    } catch (error) {
      this.#chunks?.return?.().catch(() => {}); // the failure is known by then
      onFailure(signal.aborted ? signal.reason : error);
      return;
    }
    onEnd();
  }

  /** The next chunk, once somebody wants it. */
  async #next(): Promise<IteratorResult<Uint8Array>> {
    while (this.#isHeldUp) {
      await new Promise<void>((resolve) => {
        this.#goOn = resolve;
      });
    }
    return (await this.#chunks?.next()) ?? { done: true, value: undefined };
  }
}

/** Has whoever holds a connection for a body let it go. How that ends is nobody's business. */
export async function giveUp(body: OwnResponse["body"]): Promise<void> {
  try {
    await body?.[Symbol.asyncIterator]().return?.();
  } catch {
    // It is closed, or somebody reads it already.
  }
}
