import { existsSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { type AbortOptions, throwIfAborted } from "../../async/abort.ts";
import { type Clock, systemClock } from "../../async/clock.ts";
import { Semaphore } from "../../async/semaphore.ts";
import { algorithmOf, CANONICAL_ALGORITHM, type Digest, Digester } from "../../digest/digest.ts";
import { ErrNotFound } from "../../errors/classes.ts";
import { statusFilter } from "../filters/filter.ts";
import type { CommitOptions, ListOptions, Status, Writer, WriterOptions } from "../store.ts";
import { entriesOf } from "./entries-of.ts";
import { HeldWriter, MAX_HELD_BYTES } from "./held-writer.ts";
import { openIngest, REMOVED_SUFFIX, readIngest, removeEmptied, removeIngest } from "./ingest-directory.ts";
import type { Layout } from "./layout.ts";
import { LocalWriter } from "./local-writer.ts";
import { RefLocks } from "./ref-locks.ts";
import { Unsynced } from "./unsynced.ts";
import { removeWhole, writeWhole } from "./write-whole.ts";

/**
 * Ingests that are opened together; hashing what is there already is not counted. All of an image of many layers would be
 * open at the same time otherwise, and only then the first one be asked for.
 */
const MAX_OPENINGS = 4;

/** Verified data that is to become a blob. */
export interface VerifiedData {
  readonly digest: Digest;
  /** Name of the ingest, for errors. */
  readonly ref: string;
  /** The file that the data is in: read-only, synced. */
  readonly dataPath: string;
  /** Removes what is left of the ingest: when the data has got the blob's name, or when it is not needed. */
  readonly clear: (isMoved: boolean) => Promise<void>;
}

/** What ingests are made with. */
export interface IngestsParts {
  readonly layout: Layout;
  /** Makes a blob of verified data, with these labels. */
  readonly publish: (data: VerifiedData, options: CommitOptions) => Promise<void>;
  /** Throws `ErrAlreadyExists` when content of that size is committed. */
  readonly assertAbsent: (digest: Digest, size: number, options: AbortOptions) => Promise<void>;
  readonly clock?: Clock | undefined;
}

/** The ingests of a local store: one writer for each ref, also across processes. Throws the classes of `diskError`. */
export class Ingests {
  readonly #parts: IngestsParts;
  readonly #locks: RefLocks;
  readonly #unsynced = new Unsynced();
  readonly #openings = new Semaphore(MAX_OPENINGS);
  /** Those that are in memory, by path. */
  readonly #held = new Map<string, HeldWriter>();

  constructor(parts: IngestsParts) {
    this.#parts = parts;
    this.#locks = new RefLocks(parts.layout);
  }

  /** See `Ingester.writer`. */
  async writer(options: WriterOptions): Promise<Writer> {
    const leave = await this.#openings.acquire(options);
    try {
      await nextTurn(); // of those that are opened, the first may ask for their bytes before the last has its turn
      return await this.#open(options, leave);
    } finally {
      leave();
    }
  }

  async #open(options: WriterOptions, onResume: () => void): Promise<Writer> {
    const { ref, size = 0, expected, brief = false, signal } = options;
    const { layout, assertAbsent } = this.#parts;
    const path = layout.ingestPath(ref);
    if (expected !== undefined) layout.blobPath(expected); // what is no digest is refused before anything is made
    const release = await this.#locks.acquire(ref);
    try {
      // Only now: whoever had the ref before may have committed what is asked for.
      if (expected !== undefined) await assertAbsent(expected, size, { signal });
      const openOnDisk = (): Promise<Writer> => this.#openOnDisk({ ...options, path, release, onResume });
      const mayBeHeld = brief && size > 0 && size <= MAX_HELD_BYTES && !existsSync(path);
      return mayBeHeld ? this.#hold({ ...options, size, path, release, openOnDisk }) : await openOnDisk();
    } catch (error) {
      release();
      throw error;
    }
  }

  async #openOnDisk(options: WriterOptions & OnDisk): Promise<Writer> {
    const { ref, size = 0, expected, unread = false, times, path, release, onResume, signal } = options;
    const algorithm = algorithmFor(expected);
    const read = unread ? undefined : new Digester(algorithm);
    const request = { ref, total: size, digester: read, unsynced: this.#unsynced, onResume, signal };
    const ingest = await openIngest(path, request);
    const onSyncFailure = (): void => this.#unsynced.mark(path);
    const dataPath = join(path, "data");
    const publish = (digest: Digest, commit: CommitOptions) =>
      this.#parts.publish({ digest, ref, dataPath, clear: () => removeEmptied(path) }, commit);
    const digester = read ?? (ingest.held.held.offset === 0 ? new Digester(algorithm) : undefined);
    return new LocalWriter({ ingest, algorithm, digester, expected, times, publish, onSyncFailure, release });
  }

  #hold({ ref, size, expected, path, release, openOnDisk }: WriterOptions & Held): Writer {
    const { clock = systemClock, publish } = this.#parts;
    this.#unsynced.forget(path);
    const writer = new HeldWriter({
      ref,
      size,
      expected,
      algorithm: algorithmFor(expected),
      elapsed: () => clock.elapsed(),
      async publish(bytes, digest, commit) {
        await writeWhole(path, bytes);
        const clear = (isMoved: boolean): Promise<void> => (isMoved ? Promise.resolve() : removeWhole(path));
        await publish({ digest, ref, dataPath: path, clear }, commit);
      },
      openOnDisk,
      onGone: () => this.#held.delete(path),
      release,
    });
    this.#held.set(path, writer);
    return writer;
  }

  /** See `IngestManager.status`. */
  async status(ref: string, options?: AbortOptions): Promise<Status> {
    const status = await this.#statusOf(ref, options);
    if (!status) throw new ErrNotFound(`ref ${ref}: not found`);
    return status;
  }

  /** See `OffsetProvider.offsetOf`. */
  async offsetOf(ref: string, options?: AbortOptions): Promise<number | undefined> {
    return (await this.#statusOf(ref, options))?.offset;
  }

  async #statusOf(ref: string, { signal }: AbortOptions = {}): Promise<Status | undefined> {
    throwIfAborted(signal);
    const path = this.#parts.layout.ingestPath(ref);
    return this.#held.get(path)?.listed() ?? (await readIngest(path));
  }

  /** See `IngestManager.listStatuses`. */
  async list({ filters, signal }: ListOptions = {}): Promise<readonly Status[]> {
    throwIfAborted(signal);
    const { ingest } = this.#parts.layout;
    const isWanted = statusFilter(filters);
    const statuses = Array.from(this.#held.values(), (writer) => writer.listed()).filter(isWanted);
    for await (const { name } of entriesOf(ingest)) {
      throwIfAborted(signal);
      if (name.endsWith(REMOVED_SUFFIX)) continue;
      const status = await readIngest(join(ingest, name));
      if (status && isWanted(status)) statuses.push(status);
    }
    return statuses;
  }

  /** See `IngestManager.abort`. */
  async abort(ref: string, { signal }: AbortOptions = {}): Promise<void> {
    throwIfAborted(signal);
    const path = this.#parts.layout.ingestPath(ref);
    const held = this.#held.get(path);
    if (held) held.abort();
    else await removeIngest(path, ref);
  }
}

/** What an ingest on disk is opened with. */
interface OnDisk {
  readonly path: string;
  readonly release: () => void;
  readonly onResume: () => void;
}

/** What an ingest in memory is opened with. */
interface Held {
  readonly size: number;
  readonly path: string;
  readonly release: () => void;
  readonly openOnDisk: () => Promise<Writer>;
}

function algorithmFor(expected: Digest | undefined): ReturnType<typeof algorithmOf> {
  return expected === undefined ? CANONICAL_ALGORITHM : algorithmOf(expected);
}
