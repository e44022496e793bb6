import { type AbortOptions, throwIfAborted } from "../../async/abort.ts";
import { nowNs } from "../../async/wall-clock.ts";
import { committedSize, exists } from "../../content/exists.ts";
import type {
  BlobReference,
  CommitOptions,
  InfoProvider,
  Ingester,
  Provider,
  ReaderAt,
  SizeProvider,
  Status,
  Writer,
  WriterOptions,
} from "../../content/store.ts";
import {
  type Algorithm,
  algorithmOf,
  CANONICAL_ALGORITHM,
  type Digest,
  digestOf,
} from "../../digest/digest.ts";
import { ErrAlreadyExists, ErrFailedPrecondition } from "../../errors/classes.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { FetchTarget } from "../../remotes/fetch.ts";

/**
 * A store that is only read, and beside it what is brought in meanwhile: in memory, and gone with this. For documents, whose sizes
 * are bounded.
 */
export class ScratchContent implements FetchTarget, Provider, SizeProvider {
  readonly #store: InfoProvider & Provider;
  readonly #held = new Map<Digest, Uint8Array>();

  constructor(store: InfoProvider & Provider) {
    this.#store = store;
  }

  /** Adds a document that nobody else has. */
  add(bytes: Uint8Array, mediaType: string): Descriptor {
    const digest = digestOf(bytes);
    this.#held.set(digest, Uint8Array.from(bytes));
    return { mediaType, digest, size: bytes.byteLength };
  }

  async info(digest: Digest, options: AbortOptions = {}): ReturnType<InfoProvider["info"]> {
    const held = this.#held.get(digest);
    if (!held) return await this.#store.info(digest, options);
    const now = nowNs();
    return { digest, size: held.byteLength, createdAtNs: now, updatedAtNs: now, labels: {} };
  }

  async sizeOf(digest: Digest, options: AbortOptions = {}): Promise<number | undefined> {
    return this.#held.get(digest)?.byteLength ?? (await committedSize(this.#store, digest, options));
  }

  async readerAt(reference: BlobReference, options: AbortOptions = {}): Promise<ReaderAt> {
    const held = this.#held.get(reference.digest);
    return held ? readerOf(held) : await this.#store.readerAt(reference, options);
  }

  async writer({ ref, expected, size = 0, signal }: WriterOptions): ReturnType<Ingester["writer"]> {
    throwIfAborted(signal);
    const isHere = expected !== undefined && (await exists(this, expected, { signal }));
    if (isHere) throw new ErrAlreadyExists(`content ${expected}`, { digest: expected });
    const algorithm = expected === undefined ? CANONICAL_ALGORITHM : algorithmOf(expected);
    const keep = (digest: Digest, bytes: Uint8Array): void => void this.#held.set(digest, bytes);
    return new ScratchWriter({ ref, total: size, algorithm, keep });
  }

  /** What is not committed is kept nowhere. */
  async abort(): Promise<void> {}
}

/** There is nothing to close. */
const close = async (): Promise<void> => {};

function readerOf(bytes: Uint8Array): ReaderAt {
  return {
    size: bytes.byteLength,
    async readAt(buffer, offset) {
      const part = bytes.subarray(offset, offset + buffer.byteLength);
      buffer.set(part);
      return part.byteLength;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

interface ScratchWriterParts {
  readonly ref: string;
  /** Announced size in bytes, 0 when unknown. */
  readonly total: number;
  readonly algorithm: Algorithm;
  readonly keep: (digest: Digest, bytes: Uint8Array) => void;
}

class ScratchWriter implements Writer {
  readonly #parts: ScratchWriterParts;
  readonly #startedAtNs = nowNs();
  #bytes: Uint8Array = new Uint8Array();

  constructor(parts: ScratchWriterParts) {
    this.#parts = parts;
  }

  write(bytes: Uint8Array): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
  }

  digest(): Digest {
    return digestOf(this.#bytes, this.#parts.algorithm);
  }

  async status(): Promise<Status> {
    const { ref, total } = this.#parts;
    const startedAtNs = this.#startedAtNs;
    return { ref, total, offset: this.#bytes.byteLength, startedAtNs, updatedAtNs: startedAtNs };
  }

  async truncate(): Promise<void> {
    this.#bytes = new Uint8Array();
  }

  async commit({ size = 0, expected }: CommitOptions = {}): Promise<Digest> {
    const digest = this.digest();
    const { byteLength } = this.#bytes;
    if ((size !== 0 && size !== byteLength) || (expected !== undefined && expected !== digest)) {
      const wanted = `wanted ${size} bytes of ${expected}`;
      throw new ErrFailedPrecondition(`keep document: got ${byteLength} bytes of ${digest}, ${wanted}`);
    }
    this.#parts.keep(digest, this.#bytes);
    return digest;
  }

  async close(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {}
}
