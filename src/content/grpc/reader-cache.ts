import { abortable } from "../../async/abort.ts";
import type { Digest } from "../../digest/digest.ts";
import type { ReaderAt } from "../store.ts";
import type { CallContext } from "./call-runner.ts";
import { ReadAhead } from "./read-ahead.ts";

/**
 * How long a reader is shared, in milliseconds. Go's clients read a blob in 32 KiB, each part with a call of its own, and
 * looking a blob up costs as much as reading that. This is also the longest time for which a blob can still be read that
 * somebody deleted behind the service's back.
 */
const SHARE_MS = 1_000;

/** Readers that are kept at once: each holds a file open. The oldest gives way. */
const MAX_READERS = 64;

/** A reader that others may use at the same time. */
export interface SharedReader extends AsyncDisposable {
  readonly reader: ReaderAt;
}

/** Readers of blobs, for calls that follow each other closely. */
export class ReaderCache {
  readonly #entries = new Map<string, Entry>();
  readonly #shareMs: number;

  /** @param shareMs how long a reader is shared, in milliseconds */
  constructor(shareMs: number = SHARE_MS) {
    this.#shareMs = shareMs;
  }

  /** The reader of a blob, to be disposed of after use. Throws what the store throws. */
  async open(digest: Digest, { store, namespace = "", signal }: CallContext): Promise<SharedReader> {
    // A namespace has no slash, so no two pairs make the same key.
    const key = `${namespace}/${digest}`;
    const entry =
      this.#entries.get(key) ??
      this.#add(key, digest, async () => new ReadAhead(await store.readerAt({ digest })));
    return await entry.use(signal);
  }

  /** Lets nobody read a blob any more who has not begun yet. */
  async forget(digest: Digest): Promise<void> {
    const gone = Array.from(this.#entries.values()).filter((entry) => entry.digest === digest);
    await Promise.all(gone.map((entry) => entry.retire()));
  }

  /** Closes all readers as soon as nobody uses them. */
  async close(): Promise<void> {
    await Promise.all(Array.from(this.#entries.values(), (entry) => entry.retire()));
  }

  #add(key: string, digest: Digest, open: () => Promise<ReaderAt>): Entry {
    const [oldest] = this.#entries.size < MAX_READERS ? [] : this.#entries.values();
    oldest?.giveWay();
    const entry = new Entry(digest, open(), {
      ms: this.#shareMs,
      onRetire: () => this.#entries.get(key) === entry && this.#entries.delete(key),
    });
    this.#entries.set(key, entry);
    return entry;
  }
}

/** One reader, its users and the end of its time. */
class Entry {
  readonly digest: Digest;
  readonly #reader: Promise<ReaderAt>;
  readonly #onRetire: () => void;
  readonly #timer: NodeJS.Timeout;
  #users = 0;
  #retired = false;

  constructor(
    digest: Digest,
    reader: Promise<ReaderAt>,
    { ms, onRetire }: { readonly ms: number; readonly onRetire: () => void },
  ) {
    this.digest = digest;
    this.#reader = reader;
    this.#onRetire = onRetire;
    this.#timer = setTimeout(() => this.giveWay(), ms).unref();
    reader.catch(() => this.giveWay()); // whoever opened it hears why; the next one tries again
  }

  async use(signal: AbortSignal): Promise<SharedReader> {
    this.#users++;
    try {
      const reader = await abortable(this.#reader, signal);
      return { reader, [Symbol.asyncDispose]: () => this.#leave() };
    } catch (error) {
      await this.#leave();
      throw error;
    }
  }

  /** Takes no more users; closes the reader when nobody uses it any more. */
  async retire(): Promise<void> {
    clearTimeout(this.#timer);
    this.#retired = true;
    this.#onRetire();
    await this.#closeUnused();
  }

  async #leave(): Promise<void> {
    this.#users--;
    await this.#closeUnused();
  }

  async #closeUnused(): Promise<void> {
    if (!this.#retired || this.#users > 0) return;
    const reader = await this.#reader.catch(() => undefined);
    await reader?.close();
  }

  /** Retires without anybody waiting for it. */
  giveWay(): void {
    this.retire().catch(() => {}); // a file that was only read: its close cannot lose anything
  }
}
