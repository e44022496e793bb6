import type { Digest } from "../../digest/digest.ts";
import { ErrAlreadyExists, ErrFailedPrecondition, ErrUnavailable } from "../../errors/classes.ts";
import { isAlreadyExists } from "../../errors/predicates.ts";
import { readFrom } from "../copy-source.ts";
import { type Labels, validateLabels } from "../labels/label-store.ts";
import type { CommitOptions, Info, Status, Store, Writer } from "../store.ts";
import { unlessNotFound } from "../unless-not-found.ts";
import type { NamespaceMetadata } from "./namespace-metadata.ts";

/** What a namespace works with. */
export interface NamespaceView {
  readonly backend: Store;
  readonly metadata: NamespaceMetadata;
  readonly namespace: string;
}

/** A blob of the backend. */
export type StoredBlob = Pick<Info, "digest" | "size">;

/** What is written. */
export interface NamespacedIngest extends NamespaceView {
  /** Name of the ingest in the namespace, and in the backend. */
  readonly ref: string;
  readonly backendRef: string;
  readonly expected: Digest | undefined;
  /** The blob that the backend has already; its bytes need not be written. */
  readonly blob: StoredBlob | undefined;
  /** Looks again for a blob that need not be written. */
  readonly shared: (digest: Digest) => Promise<StoredBlob | undefined>;
}

/**
 * The writer of a namespace, on top of a writer of the backend. With a blob that is there already it starts complete, and
 * commit only tells the namespace; the first write makes it an ordinary writer that has all those bytes.
 */
export class NamespacedWriter implements Writer {
  readonly #writer: Writer;
  readonly #ingest: NamespacedIngest;
  /** Set as long as the blob stands for what the backend's writer should hold. */
  #blob: StoredBlob | undefined;
  #filling: Promise<void> | undefined;
  /** Settles when the writer has let go of everything; set as soon as it takes no more calls. */
  #ended: Promise<unknown> | undefined;

  constructor(writer: Writer, ingest: NamespacedIngest) {
    this.#writer = writer;
    this.#ingest = ingest;
    this.#blob = ingest.blob;
  }

  write(bytes: Uint8Array): void | Promise<void> {
    const blob = this.#blob;
    if (!blob) return this.#writer.write(bytes);
    this.#filling ??= this.#fill(blob).finally(() => {
      this.#filling = undefined;
    });
    return this.#filling.then(() => this.#writer.write(bytes));
  }

  digest(): Digest | undefined {
    return this.#blob ? this.#blob.digest : this.#writer.digest();
  }

  async status(): Promise<Status> {
    const { ref, expected } = this.#ingest;
    const status = { ...(await this.#writer.status()), ref, ...(expected !== undefined && { expected }) };
    return this.#blob ? { ...status, offset: this.#blob.size, total: this.#blob.size } : status;
  }

  async truncate(size: number): Promise<void> {
    await this.#writer.truncate(size);
    this.#blob = undefined;
  }

  async commit(options: CommitOptions = {}): Promise<Digest> {
    if (this.#ended) throw new ErrFailedPrecondition("cannot commit on closed writer");
    const committed = this.#commitAndClose(options);
    this.#ended = Promise.allSettled([committed]); // its failure is told to the caller of commit
    return committed;
  }

  async close(): Promise<void> {
    this.#ended ??= this.#writer.close();
    await this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close().catch(() => {}); // it would hide what failed before
  }

  async #commitAndClose(options: CommitOptions): Promise<Digest> {
    try {
      return await this.#commit(options);
    } finally {
      await this.#writer.close();
    }
  }

  async #commit(options: CommitOptions): Promise<Digest> {
    const { expected, labels = {} } = options;
    validateLabels(labels);
    await this.#assertSize(options);
    const blob = this.#blob;
    if (blob) assertDigest(blob, options);
    const digest = blob?.digest ?? expected ?? this.#writer.digest();
    // Without the lock, the last other namespace that has the blob could delete it right after we found it there.
    const release = digest && (await this.#ingest.metadata.lock(digest));
    try {
      return blob ? await this.#adopt(blob, labels) : await this.#publish(options, digest);
    } finally {
      release?.();
    }
  }

  /** Before the backend does, which knows the ref by another name. */
  async #assertSize({ size = 0 }: CommitOptions): Promise<void> {
    if (size === 0) return;
    const written = this.#blob?.size ?? (await this.#writer.status()).offset;
    if (written === size) return;
    const ref = JSON.stringify(this.#ingest.ref);
    throw new ErrFailedPrecondition(`${ref} failed size validation: ${written} != ${size}`);
  }

  /** Takes a blob over from the backend. */
  async #adopt({ digest }: StoredBlob, labels: Labels): Promise<Digest> {
    const { backend, backendRef, metadata, namespace, shared } = this.#ingest;
    if (!(await shared(digest))) {
      throw new ErrUnavailable(`content ${digest} is shared no more: open the writer again`, { digest });
    }
    await this.#writer.close();
    await unlessNotFound(backend.abort(backendRef));
    if (await metadata.add(namespace, digest, { labels, found: true })) return digest;
    throw new ErrAlreadyExists(`content ${digest}`, { digest });
  }

  /** Makes a blob of the bytes written. That the backend has it already is no matter as long as the namespace has not. */
  async #publish({ size, expected, labels = {} }: CommitOptions, known: Digest | undefined): Promise<Digest> {
    const { metadata, namespace } = this.#ingest;
    try {
      const digest = await this.#writer.commit({ size, expected });
      await metadata.add(namespace, digest, { labels, found: false });
      return digest;
    } catch (error) {
      if (known === undefined || !isAlreadyExists(error)) throw error;
      if (await metadata.add(namespace, known, { labels, found: true })) return known;
      throw error;
    }
  }

  /** Copies the blob, so that more bytes can follow. */
  async #fill({ digest }: StoredBlob): Promise<void> {
    const { backend, ref } = this.#ingest;
    await this.#writer.truncate(0);
    await using reader = await backend.readerAt({ digest });
    for await (const piece of readFrom(reader, { offset: 0, ref })) await this.#writer.write(piece);
    this.#blob = undefined;
  }
}

/** The gate that a writer of the backend has as well. */
function assertDigest(blob: StoredBlob, { expected }: CommitOptions): void {
  if (expected !== undefined && expected !== blob.digest) {
    throw new ErrFailedPrecondition(`unexpected commit digest ${blob.digest}, expected ${expected}`, {
      digest: expected,
    });
  }
}
