import type { Digest } from "../digest/digest.ts";
import type { CommitOptions, Store, Writer, WriterOptions } from "./store.ts";

/**
 * `store`, which tells of each blob that is new. Everything else it does as before; it is the caller's to
 * close.
 */
export function recordCommits(store: Store, onCommit: (digest: Digest) => void): Store {
  return {
    info: (digest, options) => store.info(digest, options),
    update: (info, fieldpaths) => store.update(info, fieldpaths),
    walk: (options) => store.walk(options),
    delete: (digest, options) => store.delete(digest, options),
    readerAt: (descriptor, options) => store.readerAt(descriptor, options),
    writer: async (options: WriterOptions) => new RecordingWriter(await store.writer(options), onCommit),
    status: (ref, options) => store.status(ref, options),
    listStatuses: (options) => store.listStatuses(options),
    abort: (ref, options) => store.abort(ref, options),
  };
}

class RecordingWriter implements Writer {
  readonly #writer: Writer;
  readonly #onCommit: (digest: Digest) => void;

  constructor(writer: Writer, onCommit: (digest: Digest) => void) {
    this.#writer = writer;
    this.#onCommit = onCommit;
  }

  write(bytes: Uint8Array): void | Promise<void> {
    return this.#writer.write(bytes);
  }

  digest(): Digest | undefined {
    return this.#writer.digest();
  }

  status(): ReturnType<Writer["status"]> {
    return this.#writer.status();
  }

  truncate(size: number): Promise<void> {
    return this.#writer.truncate(size);
  }

  async commit(options?: CommitOptions): Promise<Digest> {
    const digest = await this.#writer.commit(options);
    this.#onCommit(digest);
    return digest;
  }

  close(): Promise<void> {
    return this.#writer.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
