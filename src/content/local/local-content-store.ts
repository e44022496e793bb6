import { type Dirent, utimesSync } from "node:fs";
import { opendir, stat } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { type AbortOptions, throwIfAborted } from "../../async/abort.ts";
import { Semaphore } from "../../async/semaphore.ts";
import {
  ALGORITHMS,
  algorithmOf,
  CANONICAL_ALGORITHM,
  type Digest,
  Digester,
  isDigest,
} from "../../digest/digest.ts";
import { DirectorySyncs } from "../../disk/directory-syncs.ts";
import { diskError, isMissingFile } from "../../disk/disk-error.ts";
import { statIfThere } from "../../disk/stat-if-there.ts";
import { ErrAlreadyExists, ErrDataLoss, ErrNotFound } from "../../errors/classes.ts";
import type { ContainingStore, HeldContent, SetAside } from "../containing-store.ts";
import { infoFilter, statusFilter } from "../filters/filter.ts";
import { isLabelEditor, type LabelEditor } from "../labels/label-editor.ts";
import { type LabelStore, type Labels, updateLabels } from "../labels/label-store.ts";
import type { SqliteNamespaceMetadata } from "../namespaces/sqlite-namespace-metadata.ts";
import type { ContentOwner, DeleteOptions } from "../ownership/content-owner.ts";
import type { AbandonedIngest, AbandonedOptions, OwnedStore } from "../ownership/owned-store.ts";
import type {
  BlobReference,
  CommitOptions,
  Info,
  ListOptions,
  ReaderAt,
  Status,
  Store,
  Writer,
  WriterOptions,
} from "../store.ts";
import { unlessNotFound } from "../unless-not-found.ts";
import { blobError, blobNotFound } from "./blob-error.ts";
import { BlobFiles } from "./blob-files.ts";
import { fileTime, stampNow } from "./blob-times.ts";
import { DamagedFiles } from "./damaged-files.ts";
import { openFileReaderAt } from "./file-reader-at.ts";
import { openIngest, REMOVED_SUFFIX, readIngest, removeIngest } from "./ingest-directory.ts";
import type { Layout } from "./layout.ts";
import { LocalWriter } from "./local-writer.ts";
import { publishBlob } from "./publish-blob.ts";
import { RefLocks } from "./ref-locks.ts";
import { listHalfMade, sweepIngests } from "./sweep-ingests.ts";
import { Unsynced } from "./unsynced.ts";

/** Blobs that are looked at together: a thousand answers that come at once would hold the event loop for all their time. */
const MAX_LOOKS = 16;

/**
 * Ingests that are opened together; hashing what is there already is not counted. All of an image of many layers would be
 * open at the same time otherwise, and only then the first one be asked for.
 */
const MAX_OPENINGS = 4;

/** A store on the local disk. Its `delete` refuses what a name or a namespace of the root needs. */
export interface LocalStore extends OwnedStore, ContainingStore, LabelEditor, AsyncDisposable {
  /** Closes what the store itself opened; writers and readers are closed by those who opened them. */
  close(): Promise<void>;
}

/** What a local store is made of. */
export interface LocalStoreParts extends Pick<LocalStore, "owner"> {
  readonly labels: LabelStore;
  readonly namespaces: SqliteNamespaceMetadata;
  /** What is closed with the store. */
  readonly owned: ReadonlyArray<{ close(): void }>;
}

/** See `openLocalStore`. */
export class LocalContentStore implements LocalStore {
  readonly #layout: Layout;
  readonly #labels: LabelStore;
  readonly #locks: RefLocks;
  readonly #files: BlobFiles;
  readonly #damaged: DamagedFiles;
  readonly #namespaces: SqliteNamespaceMetadata;
  readonly #unsynced = new Unsynced();
  readonly #looks = new Semaphore(MAX_LOOKS);
  readonly #openings = new Semaphore(MAX_OPENINGS);
  readonly #syncs = new DirectorySyncs();
  readonly #owned: LocalStoreParts["owned"];
  readonly owner: ContentOwner;

  constructor(layout: Layout, { labels, owner, namespaces, owned }: LocalStoreParts) {
    this.#layout = layout;
    this.#labels = labels;
    this.#locks = new RefLocks(layout);
    this.owner = owner;
    this.#files = new BlobFiles(layout);
    this.#damaged = new DamagedFiles(layout, this.#files);
    this.#namespaces = namespaces;
    this.#owned = owned;
  }

  async info(digest: Digest, { signal }: AbortOptions = {}): Promise<Info> {
    this.#layout.blobPath(digest); // refuses what is no digest before anything is asked about it
    await this.owner.claim(digest, { signal });
    const release = await this.#looks.acquire({ signal });
    try {
      return await this.#info(digest, { signal });
    } finally {
      release();
    }
  }

  async #info(digest: Digest, { signal }: AbortOptions): Promise<Info> {
    throwIfAborted(signal);
    const path = this.#layout.blobPath(digest);
    try {
      if (!statIfThere(path)) throw blobNotFound(digest); // as of nearly all that are asked for before they come
      const file = await stat(path, { bigint: true });
      if (!file.isFile()) throw blobNotFound(digest);
      const labels = await this.#labels.get(digest);
      const times = { createdAtNs: file.mtimeNs, updatedAtNs: file.atimeNs };
      return { digest, size: Number(file.size), ...times, labels };
    } catch (cause) {
      throw blobError("read blob", { path, digest, cause });
    }
  }

  async update(info: Parameters<Store["update"]>[0], fieldpaths: readonly string[] = []): Promise<Info> {
    await this.#relabel([info.digest], () => updateLabels(this.#labels, info, fieldpaths));
    return this.info(info.digest);
  }

  editLabels(digests: readonly Digest[], key: string, edit: (value: string) => string): Promise<void> {
    const labels = this.#labels;
    return this.#relabel(digests, async () => {
      if (isLabelEditor(labels)) return await labels.editLabels(digests, key, edit);
      for (const digest of digests) {
        await labels.merge(digest, { [key]: edit((await labels.get(digest))[key] ?? "") });
      }
    });
  }

  async #relabel(digests: readonly Digest[], change: () => Promise<void>): Promise<void> {
    const created = await Promise.all(
      digests.map(async (digest) => [digest, await this.#createdAtNs(digest)] as const),
    );
    await change();
    for (const [digest, createdAtNs] of created) {
      const path = this.#layout.blobPath(digest);
      try {
        utimesSync(path, stampNow(), fileTime(createdAtNs));
      } catch (cause) {
        throw blobError("update blob", { path, digest, cause });
      }
    }
  }

  async #createdAtNs(digest: Digest): Promise<bigint> {
    const path = this.#layout.blobPath(digest); // refuses what is no digest before anything is asked about it
    await this.owner.claim(digest);
    try {
      const file = statIfThere(path);
      if (!file?.isFile()) throw blobNotFound(digest);
      return file.mtimeNs;
    } catch (cause) {
      throw blobError("read blob", { path, digest, cause });
    }
  }

  async *walk({ filters, signal }: ListOptions = {}): AsyncGenerator<Info> {
    throwIfAborted(signal);
    const isWanted = infoFilter(filters);
    for (const algorithm of ALGORITHMS) {
      for await (const { name } of entries(join(this.#layout.blobs, algorithm))) {
        const digest = `${algorithm}:${name}`;
        if (!isDigest(digest)) continue;
        const info = await unlessNotFound(this.#info(digest, { signal })); // a listing builds on nothing
        if (info && isWanted(info)) yield info;
      }
    }
  }

  async delete(digest: Digest, options: DeleteOptions = {}): Promise<void> {
    throwIfAborted(options.signal);
    const path = this.#layout.blobPath(digest);
    try {
      await stat(path);
    } catch (cause) {
      throw blobError("delete blob", { path, digest, cause });
    }
    if (!(await this.owner.delete(digest, options))) throw blobNotFound(digest);
  }

  async readerAt({ digest, size }: BlobReference, { signal }: AbortOptions = {}): Promise<ReaderAt> {
    throwIfAborted(signal);
    const path = this.#layout.blobPath(digest);
    await this.owner.claim(digest, { signal });
    try {
      const reader = await openFileReaderAt(path);
      if (size === undefined || size === reader.size) return reader;
      await reader.close();
      throw new ErrDataLoss(`read blob ${digest}: got ${reader.size} bytes, want ${size}`, { digest });
    } catch (cause) {
      throw blobError("open blob", { path, digest, cause });
    }
  }

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
    const { ref, size = 0, expected, unread = false, signal } = options;
    const path = this.#layout.ingestPath(ref);
    if (expected !== undefined) this.#layout.blobPath(expected); // what is no digest is refused before anything is made
    const release = await this.#locks.acquire(ref);
    try {
      // Only now: whoever had the ref before may have committed what is asked for.
      if (expected !== undefined) await this.#assertAbsent(expected, size, { signal });
      const algorithm = expected === undefined ? CANONICAL_ALGORITHM : algorithmOf(expected);
      const read = unread ? undefined : new Digester(algorithm);
      const request = { ref, total: size, digester: read, unsynced: this.#unsynced, onResume, signal };
      const ingest = await openIngest(path, request);
      const onSyncFailure = (): void => this.#unsynced.mark(path);
      const publish = (digest: Digest, options: CommitOptions) => this.#publish(ref, digest, options);
      const digester = read ?? (ingest.held.held.offset === 0 ? new Digester(algorithm) : undefined);
      const hashing = { algorithm, digester };
      return new LocalWriter({ ingest, ...hashing, expected, publish, onSyncFailure, release });
    } catch (error) {
      release();
      throw error;
    }
  }

  async status(ref: string, { signal }: AbortOptions = {}): Promise<Status> {
    throwIfAborted(signal);
    const status = await readIngest(this.#layout.ingestPath(ref));
    if (!status) throw new ErrNotFound(`ref ${ref}: not found`);
    return status;
  }

  async listStatuses({ filters, signal }: ListOptions = {}): Promise<readonly Status[]> {
    throwIfAborted(signal);
    const isWanted = statusFilter(filters);
    const statuses: Status[] = [];
    for await (const { name } of entries(this.#layout.ingest)) {
      throwIfAborted(signal);
      if (name.endsWith(REMOVED_SUFFIX)) continue;
      const status = await readIngest(join(this.#layout.ingest, name));
      if (status && isWanted(status)) statuses.push(status);
    }
    return statuses;
  }

  async abort(ref: string, { signal }: AbortOptions = {}): Promise<void> {
    throwIfAborted(signal);
    await removeIngest(this.#layout.ingestPath(ref), ref);
  }

  sweepIngests(options: AbandonedOptions): Promise<readonly AbandonedIngest[]> {
    return sweepIngests(this.#layout, options);
  }

  setAside(digest: Digest, options: AbortOptions = {}): Promise<void> {
    return this.#damaged.setAside(digest, options);
  }

  listSetAside(): Promise<readonly SetAside[]> {
    return this.#damaged.list();
  }

  discardSetAside(digest: Digest): Promise<void> {
    return this.#damaged.discard(digest);
  }

  listHalfMade(): Promise<readonly AbandonedIngest[]> {
    return listHalfMade(this.#layout);
  }

  knownLabels(digest: Digest): Promise<Labels> {
    return this.#labels.get(digest);
  }

  heldByNamespaces(): AsyncIterable<HeldContent> {
    return this.#namespaces.listAll();
  }

  async close(): Promise<void> {
    await this.owner.settle();
    for (const each of this.#owned) each.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** A file that is damaged counts as absent: what is written takes its place. */
  async #assertAbsent(digest: Digest, size: number, options: AbortOptions): Promise<void> {
    await this.owner.claim(digest, options);
    const file = await this.#files.compare(digest, size, options);
    if (file?.whole) throw new ErrAlreadyExists(`content ${digest}`, { digest });
  }

  async #publish(ref: string, digest: Digest, { labels = {} }: CommitOptions): Promise<void> {
    const ingestPath = this.#layout.ingestPath(ref);
    const blobPath = this.#layout.blobPath(digest);
    await this.owner.claim(digest);
    await publishBlob({ digest, ref, ingestPath, blobPath, files: this.#files, syncs: this.#syncs });
    await this.#damaged.discard(digest).catch(() => {}); // it only takes space
    await this.#labels.set(digest, labels); // also none: a blob removed by hand may have left some
  }
}

/** The names in a directory, few at a time; none when there is no directory. */
async function* entries(path: string): AsyncGenerator<Dirent> {
  try {
    yield* await opendir(path);
  } catch (cause) {
    if (!isMissingFile(cause)) throw diskError("read directory", path, cause);
  }
}
