import { access } from "node:fs/promises";
import { dirname, join } from "node:path";
import { EventEmitter } from "eventemitter3";
import type { AbortOptions } from "../async/abort.ts";
import { KeyedLock } from "../async/keyed-lock.ts";
import { diskError, isMissingFile } from "../disk/disk-error.ts";
import { lockFile } from "../disk/file-lock.ts";
import { makeDirectory } from "../disk/make-directory.ts";
import { writeFileAtomic } from "../disk/write-file-atomic.ts";
import { ErrNotFound } from "../errors/classes.ts";
import { CONTAINERD_NAME, OCI_NAME } from "../oci/annotations.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { parseDockerRef } from "../reference/normalize.ts";
import type { Image, ImageEvents, ImageStore } from "./image-store.ts";
import { readIndexFile, writeIndexFile } from "./index-file.ts";

/** Content of the file that makes a directory an OCI layout (OCI image-spec, image-layout.md). */
export const LAYOUT_MARKER = '{"imageLayoutVersion":"1.0.0"}';

/** Turns the entries before a change into those after it. */
type Edit<T> = (entries: readonly Descriptor[]) => { entries: readonly Descriptor[]; result: T };

/**
 * The names of an OCI layout, one entry of `index.json` each. Entries of other tools, also unnamed ones, are kept as they
 * are. Every change is one read, one atomic write, under a lock that holds across processes.
 */
export class LayoutImageStore implements ImageStore {
  /** Emits what this process changes. */
  readonly events: EventEmitter<ImageEvents> = new EventEmitter();
  readonly #indexPath: string;
  readonly #lockPath: string;
  readonly #turn = new KeyedLock();

  private constructor(root: string) {
    this.#indexPath = join(root, "index.json");
    this.#lockPath = join(root, "locks", "index");
  }

  /**
   * Opens the names of a data root, making it an OCI layout if it is none yet; one that is complete is not written to.
   * Throws the classes of `diskError`.
   */
  static async open(root: string): Promise<LayoutImageStore> {
    const store = new LayoutImageStore(root);
    const markerPath = join(root, "oci-layout");
    if ((await exists(markerPath)) && (await exists(store.#indexPath))) return store;
    await makeDirectory(root);
    await writeFileAtomic(markerPath, LAYOUT_MARKER);
    await store.#change({}, (entries) => ({ entries, result: undefined }));
    return store;
  }

  async get(name: string, options: AbortOptions = {}): Promise<Image> {
    const fullName = canonicalName(name);
    const images = await this.list(options);
    const image = images.find((candidate) => candidate.name === fullName || candidate.name === name);
    if (!image) throw notFound(fullName);
    return image;
  }

  async list(_options: AbortOptions = {}): Promise<readonly Image[]> {
    const entries = await readIndexFile(this.#indexPath);
    return entries.flatMap(imageOf).toSorted((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name)));
  }

  async roots(_options: AbortOptions = {}): Promise<readonly Descriptor[]> {
    return await readIndexFile(this.#indexPath);
  }

  async tag(name: string, target: Descriptor, options: AbortOptions = {}): Promise<Descriptor | undefined> {
    const fullName = canonicalName(name);
    const before = await this.#change(options, (entries) => {
      const others = entries.filter((entry) => nameOf(entry) !== fullName);
      const previous = entries.find((entry) => nameOf(entry) === fullName);
      return { entries: [...others, entryOf(fullName, target)], result: previous };
    });
    this.events.emit("tag", { name: fullName, digest: target.digest });
    return before && imageOf(before)[0]?.target;
  }

  async untag(name: string, options: AbortOptions = {}): Promise<Image> {
    const { name: fullName } = await this.get(name, options);
    const entry = await this.#change(options, (entries) => {
      const found = entries.find((candidate) => nameOf(candidate) === fullName);
      if (!found) throw notFound(fullName);
      return { entries: entries.filter((candidate) => candidate !== found), result: found };
    });
    const [image] = imageOf(entry);
    if (!image) throw notFound(fullName);
    this.events.emit("untag", { name: fullName, digest: image.target.digest });
    return image;
  }

  /** Runs one read-modify-write: in turn within the process, under the file lock between processes. */
  async #change<T>(options: AbortOptions, edit: Edit<T>): Promise<T> {
    const endTurn = await this.#turn.acquire(this.#indexPath, options);
    try {
      return await this.#changeLocked(options, edit);
    } finally {
      endTurn();
    }
  }

  async #changeLocked<T>(options: AbortOptions, edit: Edit<T>): Promise<T> {
    await makeDirectory(dirname(this.#lockPath));
    const unlock = await lockFile(this.#lockPath, { signal: options.signal });
    try {
      const { entries, result } = edit(await readIndexFile(this.#indexPath));
      await writeIndexFile(this.#indexPath, entries);
      return result;
    } finally {
      unlock();
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

function canonicalName(name: string): string {
  return parseDockerRef(name).toString();
}

function nameOf(entry: Descriptor): string | undefined {
  return entry.annotations?.[CONTAINERD_NAME] ?? entry.annotations?.[OCI_NAME];
}

function imageOf(entry: Descriptor): readonly Image[] {
  const name = nameOf(entry);
  if (name === undefined) return [];
  const { [CONTAINERD_NAME]: _, [OCI_NAME]: __, ...annotations } = entry.annotations ?? {};
  const { annotations: ___, ...rest } = entry;
  const target = Object.keys(annotations).length > 0 ? { ...rest, annotations } : rest;
  return [{ name, target }];
}

function entryOf(name: string, target: Descriptor): Descriptor {
  return { ...target, annotations: { ...target.annotations, [OCI_NAME]: name, [CONTAINERD_NAME]: name } };
}

function notFound(name: string): ErrNotFound {
  return new ErrNotFound(`image ${name}: not found`, { reference: name });
}
