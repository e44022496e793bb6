import { access, readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { EventEmitter } from "eventemitter3";
import type { AbortOptions } from "../async/abort.ts";
import { KeyedLock } from "../async/keyed-lock.ts";
import { Semaphore } from "../async/semaphore.ts";
import { diskError, isMissingFile } from "../disk/disk-error.ts";
import { lockFile } from "../disk/file-lock.ts";
import { makeDirectory, makeLockDirectory, ROOT_MODE } from "../disk/make-directory.ts";
import { writeFileAtomic } from "../disk/write-file-atomic.ts";
import { ErrNotFound } from "../errors/classes.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { parseDockerRef } from "../reference/normalize.ts";
import { GuardedEvents, type OnListenerFailure } from "./guarded-events.ts";
import type { Image, ImageEvents, ImageStore } from "./image-store.ts";
import { entryFor, type IndexEntry, imageOfEntry, nameOfEntry } from "./index-entry.ts";
import { EMPTY_INDEX, type IndexFile, readIndexFile, writeIndexFile } from "./index-file.ts";

/** Content of the file that makes a directory an OCI layout (OCI image-spec, image-layout.md). */
export const LAYOUT_MARKER = '{"imageLayoutVersion":"1.0.0"}';

/** Turns the entries before a change into those after it. */
type Edit<T> = (entries: readonly IndexEntry[]) => {
  entries: readonly IndexEntry[];
  result: T;
  /** What loses the name that it has with this change. */
  moved?: Image | undefined;
};

/** How the names of a root are opened. */
export interface LayoutImageStoreOptions {
  /** Called before a name that points at `image` is made to point elsewhere; what it throws fails the change. */
  readonly onMove?: ((image: Image) => Promise<void>) | undefined;
  /** Permissions of a root that is made, see `ROOT_MODE`. */
  readonly mode?: number | undefined;
  /** Told what listeners of events throw. Default: nobody. */
  readonly onListenerFailure?: OnListenerFailure | undefined;
}

/** Readings of `index.json` at once: each holds a descriptor and, of a root with many names, megabytes. */
const MAX_INDEX_READERS = 4;

/** Names of temporary files that `writeFileAtomic` makes for `index.json`. */
const TEMPORARY = /^index\.json\.[0-9a-f]+\.tmp$/;

/**
 * The names of an OCI layout, one entry of `index.json` each. What other tools wrote there (entries without a name or that
 * we do not understand, unknown fields, annotations) is kept as it is; their names, which need not be references, are found
 * as they are spelt. Every change is one read, one atomic write, under a lock that holds across processes.
 */
export class LayoutImageStore implements ImageStore {
  /** Emits what this process changes. A listener that throws fails nothing. */
  readonly events: EventEmitter<ImageEvents>;
  readonly #root: string;
  readonly #onMove: (image: Image) => Promise<void>;
  readonly #indexPath: string;
  readonly #lockPath: string;
  readonly #turn = new KeyedLock();
  readonly #readers = new Semaphore(MAX_INDEX_READERS);

  private constructor(root: string, { onMove, onListenerFailure }: LayoutImageStoreOptions) {
    this.events = new GuardedEvents(onListenerFailure ?? (() => {}));
    this.#onMove = onMove ?? (async () => {});
    this.#root = root;
    this.#indexPath = join(root, "index.json");
    this.#lockPath = join(root, "locks", "index");
  }

  /**
   * Opens the names of a data root, making it an OCI layout if it is none yet; one that is complete is not written to.
   * Throws `ErrDataLoss` for a layout with content whose `index.json` is gone, because a new one would say that nothing
   * has a name, and the classes of `diskError`.
   */
  static async open(root: string, options: LayoutImageStoreOptions = {}): Promise<LayoutImageStore> {
    const store = new LayoutImageStore(root, options);
    const markerPath = join(root, "oci-layout");
    const [isLayout, hasIndex] = await Promise.all([exists(markerPath), exists(store.#indexPath)]);
    if (isLayout && hasIndex) return store;
    if (isLayout && (await hasContent(root))) await readIndexFile(store.#indexPath); // its error says what is missing
    await makeDirectory(root, { mode: options.mode ?? ROOT_MODE });
    await store.#whileLocked({}, async () => {
      if (!(await exists(store.#indexPath))) await writeIndexFile(store.#indexPath, EMPTY_INDEX);
    });
    // The marker comes last: with it, a missing index has been lost.
    if (!isLayout) await writeFileAtomic(markerPath, LAYOUT_MARKER);
    return store;
  }

  async get(name: string, options: AbortOptions = {}): Promise<Image> {
    const images = await this.list(options);
    const exact = images.find((candidate) => candidate.name === name);
    if (exact) return exact;
    const fullName = canonicalName(name);
    const image = images.find((candidate) => candidate.name === fullName);
    if (!image) throw notFound(fullName);
    return image;
  }

  async list(options: AbortOptions = {}): Promise<readonly Image[]> {
    const { entries } = await this.#read(options);
    return entries
      .flatMap((entry) => imageOfEntry(entry) ?? [])
      .toSorted((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name)));
  }

  async roots(options: AbortOptions = {}): Promise<readonly Descriptor[]> {
    const { entries } = await this.#read(options);
    return entries.flatMap(({ descriptor }) => descriptor ?? []);
  }

  async tag(name: string, target: Descriptor, options: AbortOptions = {}): Promise<Descriptor | undefined> {
    const fullName = canonicalName(name);
    const before =
      (await this.#inPlace(fullName, target, options)) ??
      (await this.#change(options, (entries) => {
        const others = entries.filter((entry) => nameOfEntry(entry) !== fullName);
        const previous = entries.find((entry) => nameOfEntry(entry) === fullName);
        const image = previous && imageOfEntry(previous);
        const moved = image?.target.digest === target.digest ? undefined : image;
        return { entries: [...others, entryFor(fullName, target, previous)], result: previous, moved };
      }));
    this.events.emit("tag", { name: fullName, digest: target.digest });
    return before && imageOfEntry(before)?.target;
  }

  async untag(name: string, options: AbortOptions = {}): Promise<Image> {
    const { name: fullName } = await this.get(name, options);
    const image = await this.#change(options, (entries) => {
      const found = entries.find((candidate) => nameOfEntry(candidate) === fullName);
      const result = found && imageOfEntry(found);
      if (!result) throw notFound(fullName);
      // All of that name: another tool may have listed it twice.
      return { entries: entries.filter((candidate) => nameOfEntry(candidate) !== fullName), result };
    });
    this.events.emit("untag", { name: fullName, digest: image.target.digest });
    return image;
  }

  /** Removes what a process left that was killed while it wrote. Throws the classes of `diskError`. */
  async sweep(options: AbortOptions = {}): Promise<void> {
    await this.#whileLocked(options, async () => {});
  }

  /** The entry of a name when it says all that is to be said: pulls of what is here need no turn at the index. */
  async #inPlace(
    fullName: string,
    target: Descriptor,
    options: AbortOptions,
  ): Promise<IndexEntry | undefined> {
    const { entries } = await this.#read(options);
    const [entry, second] = entries.filter((candidate) => nameOfEntry(candidate) === fullName);
    if (!entry || second) return undefined;
    return isDeepStrictEqual(entry.raw, entryFor(fullName, target, entry).raw) ? entry : undefined;
  }

  async #read(options: AbortOptions): Promise<IndexFile> {
    const release = await this.#readers.acquire(options);
    try {
      return await readIndexFile(this.#indexPath);
    } finally {
      release();
    }
  }

  /** Runs one read-modify-write. */
  async #change<T>(options: AbortOptions, edit: Edit<T>): Promise<T> {
    return await this.#whileLocked(options, async () => {
      const before: IndexFile = await readIndexFile(this.#indexPath);
      const { entries, result, moved } = edit(before.entries);
      if (moved) await this.#onMove(moved);
      await writeIndexFile(this.#indexPath, { ...before, entries });
      return result;
    });
  }

  /** In turn within the process, under the file lock between processes. */
  async #whileLocked<T>(options: AbortOptions, work: () => Promise<T>): Promise<T> {
    const endTurn = await this.#turn.acquire(this.#indexPath, options);
    try {
      await makeLockDirectory(dirname(this.#lockPath));
      const unlock = await lockFile(this.#lockPath, { signal: options.signal });
      try {
        await this.#sweepTemporaryFiles();
        return await work();
      } finally {
        unlock();
      }
    } finally {
      endTurn();
    }
  }

  /** Whoever has the lock knows that nobody is writing now. */
  async #sweepTemporaryFiles(): Promise<void> {
    const names = await readdir(this.#root).catch(() => []);
    for (const name of names.filter((candidate) => TEMPORARY.test(candidate))) {
      await rm(join(this.#root, name), { force: true }).catch(() => {}); // it only takes space
    }
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (cause) {
    if (isMissingFile(cause)) return false;
    throw diskError("open data root", path, cause);
  }
}

/** Whether anything was ever committed below `root`. */
async function hasContent(root: string): Promise<boolean> {
  try {
    const algorithms = await readdir(join(root, "blobs"));
    const counts = await Promise.all(
      algorithms.map(async (algorithm) => (await readdir(join(root, "blobs", algorithm))).length),
    );
    return counts.some((count) => count > 0);
  } catch (cause) {
    if (isMissingFile(cause)) return false;
    throw diskError("open data root", root, cause);
  }
}

function canonicalName(name: string): string {
  return parseDockerRef(name).toString();
}

function notFound(name: string): ErrNotFound {
  return new ErrNotFound(`image ${name}: not found`, { reference: name });
}
