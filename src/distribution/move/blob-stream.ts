import { throwIfAborted } from "../../async/abort.ts";
import { Handoff } from "../../async/handoff.ts";
import { nowNs } from "../../async/wall-clock.ts";
import type { CommitOptions, Info, Status, Writer, WriterOptions } from "../../content/store.ts";
import type { Digest } from "../../digest/digest.ts";
import { ErrDataLoss, ErrFailedPrecondition, ErrNotFound } from "../../errors/classes.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { FetchTarget } from "../../remotes/fetch.ts";
import { Passage } from "./passage.ts";

/** How a stream begins. */
export interface BlobStreamOptions {
  /** Position of the first byte that is wanted. Default 0. */
  readonly offset?: number | undefined;
  /** What has passed before, where the stream is not the first one of its content. */
  readonly passage?: Passage | undefined;
}

/** Of wrong bytes, whether one attempt brought them all or any of several may be to blame. */
export type Spoiled = "whole" | "pieced";

/**
 * One content on its way to one reader, as a target of fetches: an attempt that breaks is followed by one that goes on where the
 * reader is. The chunk that makes it whole is kept back until the fetch commits, and so until the content is verified, where that is done
 * here. What was passed on cannot be taken back: where it was wrong, the stream ends with `ErrDataLoss`.
 */
export class BlobStream implements FetchTarget {
  readonly #blob: Pick<Descriptor, "digest" | "size">;
  readonly #passage: Passage;
  readonly #start: number;
  readonly #startedAtNs = nowNs();
  readonly #handoff = new Handoff<Uint8Array>();
  /** Position behind what was passed on. */
  #position: number;
  /** The chunk that makes it whole. */
  #last: Uint8Array | undefined;
  /** Where the newest attempt began. */
  #attemptStart = 0;
  #spoiled: Spoiled | undefined;

  constructor(blob: Pick<Descriptor, "digest" | "size">, { offset = 0, passage }: BlobStreamOptions = {}) {
    this.#blob = blob;
    this.#passage = passage ?? new Passage(blob, true);
    this.#start = offset;
    this.#position = offset;
  }

  /**
   * The next bytes, `undefined` at the end. They may be overwritten when the following ones are asked for. Throws what `ended` was
   * given.
   */
  next(): Promise<Uint8Array | undefined> {
    return this.#handoff.next();
  }

  /** Whether bytes were passed on that are wrong: then nothing that comes can make it right. */
  get spoiled(): Spoiled | undefined {
    return this.#spoiled;
  }

  /** The fetches have ended. */
  ended(failure?: { readonly error: unknown }): void {
    this.#handoff.end(failure);
  }

  /** Nobody reads on. */
  leave(): void {
    this.#handoff.leave();
  }

  async info(digest: Digest): Promise<Info> {
    throw new ErrNotFound(`content ${digest}: not found`, { digest });
  }

  /** Nothing is kept that would have to go. */
  async abort(): Promise<void> {}

  async writer({ ref, signal }: WriterOptions): Promise<Writer> {
    throwIfAborted(signal);
    const status = (): Status => {
      const offset = this.#position + (this.#last?.byteLength ?? 0);
      const startedAtNs = this.#startedAtNs;
      return { ref, offset, total: this.#blob.size, startedAtNs, updatedAtNs: startedAtNs };
    };
    this.#attemptStart = status().offset;
    return {
      write: (bytes) => this.#write(bytes),
      digest: () => this.#passage.digest(),
      status: async () => status(),
      truncate: () => this.#dropAll(),
      commit: (options) => this.#commit(options),
      close,
      [Symbol.asyncDispose]: close,
    };
  }

  #write(bytes: Uint8Array): void | Promise<void> {
    const from = this.#position;
    this.#passage.passed(bytes, from);
    if (from + bytes.byteLength === this.#blob.size) {
      this.#last = Uint8Array.from(bytes);
      return;
    }
    this.#position += bytes.byteLength;
    return this.#handoff.give(bytes);
  }

  async #dropAll(): Promise<void> {
    const { digest } = this.#blob;
    this.#last = undefined;
    this.#passage.forget();
    if (this.#position === this.#start && this.#start === 0) return; // nobody has seen any of it
    this.#spoiled = this.#attemptStart === 0 ? "whole" : "pieced";
    const message = `verify ${digest}: got other bytes, and has passed ${this.#position} of them on`;
    throw new ErrDataLoss(message, { digest, retryable: false });
  }

  async #commit({ size, expected }: CommitOptions = {}): Promise<Digest> {
    const { digest } = this.#blob;
    const got = this.#passage.digest() ?? digest; // it is verified where its beginning passed, or by who gets it
    const reached = this.#position + (this.#last?.byteLength ?? 0);
    if (reached !== size || got !== expected) {
      throw new ErrFailedPrecondition(`pass on ${digest}: got ${reached} bytes of ${got}`, { digest });
    }
    const last = this.#last;
    this.#last = undefined;
    this.#position = reached;
    if (last) await this.#handoff.give(last);
    return got;
  }
}

const close = async (): Promise<void> => {};
