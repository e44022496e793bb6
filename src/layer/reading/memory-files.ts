import type { ByteString } from "../../tar/byte-string.ts";
import type { TarEntry } from "../../tar/tar-entry.ts";
import type { DirectoryNode } from "../unpack/directory-node.ts";
import type { EntryFiles, OpenFile, Place } from "../unpack/entry-files.ts";
import { KnownFile, knownEntry } from "./known-entry.ts";
import { dropName } from "./spool.ts";

/** Begins to keep the content of a file, if it is wanted. */
export type KeepContent = (file: KnownFile, entry: TarEntry, place: Place) => OpenFile | undefined;

/** A file whose content nobody wants. */
const UNWANTED: OpenFile = { write: () => {}, finish: () => {}, close: () => {} };

/** Files of one layer that are known and not made. */
export class MemoryFiles implements EntryFiles {
  readonly #layer: number;
  readonly #keep: KeepContent;
  readonly #files = new Map<DirectoryNode, Map<ByteString, KnownFile>>();
  /** The place of the entry that is read among all of the layer, from 1. */
  order = 0;

  constructor(layer: number, keep: KeepContent) {
    this.#layer = layer;
    this.#keep = keep;
  }

  /** The files of a directory that is there. */
  in(directory: DirectoryNode): Iterable<readonly [ByteString, KnownFile]> {
    return this.#files.get(directory) ?? [];
  }

  makeDirectory(place: Place): void {
    this.#checkFree(place);
  }

  makeFile(place: Place, entry: TarEntry): OpenFile {
    const file = this.#add(place, entry);
    return this.#keep(file, entry, place) ?? UNWANTED;
  }

  makeSymlink(place: Place, entry: TarEntry): void {
    this.#add(place, entry);
  }

  makeLink(target: Place, place: Place): void {
    const file = this.#at(target);
    if (file === undefined) throw fault("ENOENT");
    this.#checkFree(place);
    file.names++;
    this.#set(place, file);
  }

  readLink(place: Place): ByteString {
    const file = this.#at(place);
    if (file === undefined) throw fault("ENOENT");
    if (file.entry.type !== "symlink") throw fault("EINVAL");
    return file.entry.linkName;
  }

  remove({ directory, name }: Place): void {
    const file = this.#files.get(directory)?.get(name);
    if (file === undefined) return; // a directory was forgotten before
    dropName(file);
    this.#files.get(directory)?.delete(name);
  }

  has(place: Place): boolean {
    return this.#at(place) !== undefined;
  }

  forget(directory: DirectoryNode): void {
    for (const child of directory.children) this.forget(child);
    for (const [, file] of this.in(directory)) dropName(file);
    this.#files.delete(directory);
  }

  #at({ directory, name }: Place): KnownFile | undefined {
    return this.#files.get(directory)?.get(name);
  }

  #add(place: Place, entry: TarEntry): KnownFile {
    this.#checkFree(place);
    const file = new KnownFile(knownEntry(entry), this.#layer, this.order);
    this.#set(place, file);
    return file;
  }

  #set({ directory, name }: Place, file: KnownFile): void {
    const files = this.#files.get(directory) ?? new Map<ByteString, KnownFile>();
    this.#files.set(directory, files.set(name, file));
  }

  #checkFree(place: Place): void {
    if (this.has(place) || place.directory.child(place.name) !== undefined) throw fault("EEXIST");
  }
}

/** The error of a file call. */
function fault(code: "EEXIST" | "EINVAL" | "ENOENT"): Error {
  return Object.assign(new Error(code), { code });
}
