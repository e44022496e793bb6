import { access, readdir } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { EventEmitter } from "eventemitter3";
import type { AbortOptions } from "../async/abort.ts";
import { Semaphore } from "../async/semaphore.ts";
import type { WaitOptions } from "../async/waiting.ts";
import { diskError, isMissingFile } from "../disk/disk-error.ts";
import { makeDirectory, ROOT_MODE } from "../disk/make-directory.ts";
import { writeFileAtomic } from "../disk/write-file-atomic.ts";
import { ErrNotFound } from "../errors/classes.ts";
import { needsLayerBlobs } from "../oci/annotations.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { parseDockerRef } from "../reference/normalize.ts";
import { GuardedEvents, type OnListenerFailure } from "./guarded-events.ts";
import { imageEvent } from "./image-event.ts";
import type { Image, ImageEvents, TagOptions } from "./image-store.ts";
import { IndexChanges } from "./index-changes.ts";
import { entryFor, type IndexEntry, imageOfEntry, nameOfEntry } from "./index-entry.ts";
import { EMPTY_INDEX, type IndexFile, readIndexFile, writeIndexFile } from "./index-file.ts";
import { IndexWatch, type OnWatchFailure } from "./index-watch.ts";
import type { NameStore, UntagOptions } from "./name-store.ts";
import { NamesSeen, type OnElsewhere } from "./names-seen.ts";

/** Name of the file that makes a directory an OCI layout. */
const MARKER_FILE = "oci-layout";

/** Content of the file that makes a directory an OCI layout (OCI image-spec, image-layout.md). */
export const LAYOUT_MARKER = '{"imageLayoutVersion":"1.0.0"}';

/** How the names of a root are opened. */
export interface LayoutImageStoreOptions {
  /**
   * Called before a name stops needing all that `image` is, because it is made to point elsewhere, for instance; what it throws
   * fails the change.
   * @defaultValue nobody is asked
   * @example onMove: async ({ name }) => console.log(name)
   */
  readonly onMove?: ((image: Image) => Promise<void>) | undefined;
  /**
   * Permissions of a root that is made.
   * @unit permissions
   * @defaultValue 0o700 (`ROOT_MODE`)
   * @example mode: 0o750
   */
  readonly mode?: number | undefined;
  /**
   * Told what listeners of events throw.
   * @defaultValue nobody is told
   * @example onListenerFailure: (error) => console.log(error)
   */
  readonly onListenerFailure?: OnListenerFailure | undefined;
  /**
   * Opens what is there, and makes nothing; nobody changes names then.
   * @defaultValue `false`
   * @example readOnly: true
   */
  readonly readOnly?: boolean | undefined;
}

/** Readings of `index.json` at once: each holds a descriptor and, of a root with many names, megabytes. */
const MAX_INDEX_READERS = 4;

/**
 * The names of an OCI layout, one entry of `index.json` each. What other tools wrote there (entries without a name or that
 * we do not understand, unknown fields, annotations) is kept as it is; their names, which need not be references, are found
 * as they are spelt. Every change is atomic and holds across processes, see `IndexChanges`.
 */
export class LayoutImageStore implements NameStore {
  readonly events: EventEmitter<ImageEvents>;
  readonly #onMove: ((image: Image) => Promise<void>) | undefined;
  readonly #indexPath: string;
  readonly #changes: IndexChanges;
  readonly #readers = new Semaphore(MAX_INDEX_READERS);
  #watch: IndexWatch | undefined;

  private constructor(root: string, { onMove, onListenerFailure }: LayoutImageStoreOptions) {
    this.events = new GuardedEvents(onListenerFailure ?? (() => {}));
    this.#onMove = onMove;
    this.#indexPath = join(root, "index.json");
    this.#changes = new IndexChanges(this.#indexPath, [MARKER_FILE]);
  }

  /**
   * Opens the names of a data root, making it an OCI layout if it is none yet; one that is complete is not written to.
   * Throws `ErrDataLoss` for a layout with content whose `index.json` is gone, because a new one would say that nothing
   * has a name, and the classes of `diskError`.
   */
  static async open(root: string, options: LayoutImageStoreOptions = {}): Promise<LayoutImageStore> {
    const store = new LayoutImageStore(root, options);
    const markerPath = join(root, MARKER_FILE);
    const [isLayout, hasIndex] = await Promise.all([exists(markerPath), exists(store.#indexPath)]);
    if (isLayout && hasIndex) return store;
    if (options.readOnly && !isLayout && !hasIndex)
      throw new ErrNotFound(`open data root "${root}": there is none, as there is no ${MARKER_FILE}`);
    if (options.readOnly) {
      await readIndexFile(store.#indexPath); // its error says what is missing
      return store; // of another tool, which has made no marker
    }
    if (isLayout && (await hasContent(root))) await readIndexFile(store.#indexPath); // its error says what is missing
    await makeDirectory(root, { mode: options.mode ?? ROOT_MODE });
    await store.#changes.whileLocked(async () => {
      if (!(await exists(store.#indexPath))) await writeIndexFile(store.#indexPath, EMPTY_INDEX);
      // The marker comes last: with it, a missing index has been lost.
      if (!(await exists(markerPath))) await writeFileAtomic(markerPath, LAYOUT_MARKER);
    }, {});
    return store;
  }

  async get(name: string, options: AbortOptions = {}): Promise<Image> {
    return find((await this.#read(options)).entries, name);
  }

  async list(options: AbortOptions = {}): Promise<readonly Image[]> {
    return imagesOf((await this.#read(options)).entries).toSorted((a, b) =>
      a.name < b.name ? -1 : Number(a.name > b.name),
    );
  }

  async roots(options: AbortOptions = {}): Promise<readonly Descriptor[]> {
    const { entries } = await this.#read(options);
    return entries.flatMap(({ descriptor }) => descriptor ?? []);
  }

  async tag(
    name: string,
    target: Descriptor,
    { cause = "tag", ...options }: TagOptions = {},
  ): Promise<Descriptor | undefined> {
    const fullName = canonicalName(name);
    const before =
      (await this.#inPlace(fullName, target, options)) ??
      (await this.#changes.change((entries) => {
        const others = entries.filter((entry) => nameOfEntry(entry) !== fullName);
        const previous = entries.find((entry) => nameOfEntry(entry) === fullName);
        const image = previous && imageOfEntry(previous);
        const moved = image && letsGo(image.target, target) ? image : undefined;
        return {
          entries: [...others, entryFor(fullName, target, previous)],
          result: previous,
          beforehand: moved && (async () => await this.#onMove?.(moved)),
        };
      }, options));
    const previous = before && imageOfEntry(before)?.target;
    this.events.emit("tag", imageEvent({ name: fullName, target }, cause, previous));
    return previous;
  }

  async untag(name: string, { beforehand, cause = "untag", ...options }: UntagOptions = {}): Promise<Image> {
    const image = await this.#changes.change((entries) => {
      const result = find(entries, name);
      return {
        // All of that name: another tool may have listed it twice.
        entries: entries.filter((candidate) => nameOfEntry(candidate) !== result.name),
        result,
        beforehand: beforehand && (() => beforehand(result)),
      };
    }, options);
    this.events.emit("untag", imageEvent(image, cause));
    return image;
  }

  /**
   * Tells from now on what others change as well, other stores of this process among them: as `tag` and `untag` with the cause
   * `elsewhere`, some milliseconds later, each name once however often it was changed meanwhile. Throws as `readIndexFile` does.
   */
  async watch(onFailure: OnWatchFailure): Promise<void> {
    const tell: OnElsewhere = (kind, event) => queueMicrotask(() => void this.events.emit(kind, event));
    this.#changes.showTo(new NamesSeen(tell)); // who listens does not do so in the middle of a change
    this.#watch = await IndexWatch.start(this.#indexPath, this.#changes, onFailure);
  }

  /** Ends the watch, if there is one. */
  async close(): Promise<void> {
    this.#changes.showTo(undefined);
    await this.#watch?.close();
  }

  /** Removes what a process left that was killed while it wrote. Throws as `untag` does. */
  async sweep(options: WaitOptions = {}): Promise<void> {
    await this.#changes.change((entries) => ({ entries, result: undefined }), options); // every change does
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

/** Whether a name that pointed at `before` does not need all of that any more when it points at `after`. */
function letsGo(before: Descriptor, after: Descriptor): boolean {
  return before.digest !== after.digest || (needsLayerBlobs(before) && !needsLayerBlobs(after));
}

function imagesOf(entries: readonly IndexEntry[]): readonly Image[] {
  return entries.flatMap((entry) => imageOfEntry(entry) ?? []);
}

/** What a name points at: as it is spelt, or else as a reference. Throws `ErrNotFound`. */
function find(entries: readonly IndexEntry[], name: string): Image {
  const images = imagesOf(entries);
  const exact = images.find((candidate) => candidate.name === name);
  if (exact) return exact;
  const fullName = canonicalName(name);
  const image = images.find((candidate) => candidate.name === fullName);
  if (!image) throw new ErrNotFound(`image ${fullName}: not found`, { reference: fullName });
  return image;
}

function canonicalName(name: string): string {
  return parseDockerRef(name).toString();
}
