import { utimesSync } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { type AbortOptions, throwIfAborted } from "../../async/abort.ts";
import { Semaphore } from "../../async/semaphore.ts";
import { ALGORITHMS, type Digest, isDigest } from "../../digest/digest.ts";
import { DirectorySyncs } from "../../disk/directory-syncs.ts";
import { statIfThere } from "../../disk/stat-if-there.ts";
import { ErrAlreadyExists, ErrDataLoss } from "../../errors/classes.ts";
import type { ContainingStore, HeldContent, SetAside } from "../containing-store.ts";
import { infoFilter } from "../filters/filter.ts";
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
  OffsetProvider,
  ReaderAt,
  SizeProvider,
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
import { entriesOf } from "./entries-of.ts";
import { openFileReaderAt } from "./file-reader-at.ts";
import { Ingests, type VerifiedData } from "./ingests.ts";
import type { Layout } from "./layout.ts";
import { publishBlob } from "./publish-blob.ts";
import { listHalfMade, sweepIngests } from "./sweep-ingests.ts";

/** Blobs that are looked at together: a thousand answers that come at once would hold the event loop for all their time. */
const MAX_LOOKS = 16;

/** A store on the local disk. Its `delete` refuses what a name or a namespace of the root needs. */
export interface LocalStore
  extends OwnedStore,
    ContainingStore,
    LabelEditor,
    SizeProvider,
    OffsetProvider,
    AsyncDisposable {
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
  readonly #ingests: Ingests;
  readonly #files: BlobFiles;
  readonly #damaged: DamagedFiles;
  readonly #namespaces: SqliteNamespaceMetadata;
  readonly #looks = new Semaphore(MAX_LOOKS);
  readonly #syncs = new DirectorySyncs();
  readonly #owned: LocalStoreParts["owned"];
  readonly owner: ContentOwner;

  constructor(layout: Layout, { labels, owner, namespaces, owned }: LocalStoreParts) {
    this.#layout = layout;
    this.#labels = labels;
    this.owner = owner;
    this.#files = new BlobFiles(layout);
    this.#damaged = new DamagedFiles(layout, this.#files);
    this.#namespaces = namespaces;
    this.#owned = owned;
    this.#ingests = new Ingests({
      layout,
      publish: (data, options) => this.#publish(data, options),
      assertAbsent: (digest, size, options) => this.#assertAbsent(digest, size, options),
    });
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

  async sizeOf(digest: Digest, options: AbortOptions = {}): Promise<number | undefined> {
    const path = this.#layout.blobPath(digest); // refuses what is no digest before anything is asked about it
    await this.owner.claim(digest, options);
    throwIfAborted(options.signal);
    try {
      const file = statIfThere(path);
      return file?.isFile() ? Number(file.size) : undefined;
    } catch (cause) {
      throw blobError("read blob", { path, digest, cause });
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
    await this.#relabel([info.digest], async () => {
      await updateLabels(this.#labels, info, fieldpaths);
      return [info.digest];
    });
    return this.info(info.digest);
  }

  editLabels(
    digests: readonly Digest[],
    key: string,
    edit: (value: string) => string,
  ): Promise<readonly Digest[]> {
    const labels = this.#labels;
    return this.#relabel(digests, async () => {
      if (isLabelEditor(labels)) return await labels.editLabels(digests, key, edit);
      const changed: Digest[] = [];
      for (const digest of digests) {
        const before = (await labels.get(digest))[key] ?? "";
        const value = edit(before);
        if (value === before) continue;
        await labels.merge(digest, { [key]: value });
        changed.push(digest);
      }
      return changed;
    });
  }

  /** Makes a change of labels, and stamps the files of those that it returns. */
  async #relabel(
    digests: readonly Digest[],
    change: () => Promise<readonly Digest[]>,
  ): Promise<readonly Digest[]> {
    const created = new Map<Digest, bigint>();
    for (const digest of digests) created.set(digest, await this.#createdAtNs(digest));
    const changed = await change();
    for (const digest of changed) {
      const path = this.#layout.blobPath(digest);
      try {
        utimesSync(path, stampNow(), fileTime(created.get(digest) ?? 0n));
      } catch (cause) {
        throw blobError("update blob", { path, digest, cause });
      }
    }
    return changed;
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
      for await (const { name } of entriesOf(join(this.#layout.blobs, algorithm))) {
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

  writer(options: WriterOptions): Promise<Writer> {
    return this.#ingests.writer(options);
  }

  status(ref: string, options?: AbortOptions): Promise<Status> {
    return this.#ingests.status(ref, options);
  }

  offsetOf(ref: string, options?: AbortOptions): Promise<number | undefined> {
    return this.#ingests.offsetOf(ref, options);
  }

  listStatuses(options?: ListOptions): Promise<readonly Status[]> {
    return this.#ingests.list(options);
  }

  abort(ref: string, options?: AbortOptions): Promise<void> {
    return this.#ingests.abort(ref, options);
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

  async #publish(data: VerifiedData, { labels = {} }: CommitOptions): Promise<void> {
    const { digest } = data;
    const blobPath = this.#layout.blobPath(digest);
    await this.owner.claim(digest);
    await publishBlob({ ...data, blobPath, files: this.#files, syncs: this.#syncs });
    await this.#damaged.discard(digest).catch(() => {}); // it only takes space
    await this.#labels.set(digest, labels); // also none: a blob removed by hand may have left some
  }
}
