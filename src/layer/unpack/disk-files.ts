import {
  lchownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  unlinkSync,
} from "node:fs";
import { isMissingFile } from "../../disk/disk-error.ts";
import { type ByteString, pathOf } from "../../tar/byte-string.ts";
import type { TarEntry } from "../../tar/tar-entry.ts";
import type { DirectoryNode } from "./directory-node.ts";
import type { EntryFiles, OpenFile, Place } from "./entry-files.ts";
import { fileTimeOf } from "./file-times.ts";
import { FileWriter } from "./file-writer.ts";
import { OpenDirectories } from "./open-directories.ts";
import { readUmask } from "./umask.ts";

/** Permissions of directories until the layer is complete: their owner has to be able to work in them. */
export const WORKING_MODE = 0o755;

/** Files on the disk, each made by its name in an open directory. */
export class DiskFiles implements EntryFiles {
  readonly #open = new OpenDirectories();
  readonly #umask = readUmask();

  /** The path by which file calls reach a place. Throws what opening its directory throws. */
  pathOf({ directory, name }: Place): string | Buffer {
    return this.#open.pathIn(directory, name);
  }

  /** Whether a new file has less than `mode`. */
  umaskTakes(mode: number): boolean {
    return (mode & this.#umask) !== 0;
  }

  makeDirectory(place: Place): void {
    mkdirSync(this.pathOf(place), WORKING_MODE);
  }

  makeFile(place: Place, entry: TarEntry): OpenFile {
    return new FileWriter(this.pathOf(place), entry, this.#umask);
  }

  makeSymlink(
    place: Place,
    { linkName, mtime, uid, gid }: TarEntry,
    { givesOwner }: { readonly givesOwner: boolean },
  ): void {
    const path = this.pathOf(place);
    symlinkSync(pathOf(linkName), path);
    if (givesOwner) lchownSync(path, uid, gid);
    const time = fileTimeOf(mtime);
    lutimesSync(path, time, time);
  }

  makeLink(target: Place, place: Place): void {
    linkSync(this.pathOf(target), this.pathOf(place));
  }

  readLink(place: Place): ByteString {
    return readlinkSync(this.pathOf(place), "buffer").toString("latin1");
  }

  remove(place: Place, { isDirectory }: { readonly isDirectory: boolean }): void {
    if (isDirectory) {
      rmSync(this.pathOf(place), { recursive: true });
      return;
    }
    try {
      unlinkSync(this.pathOf(place));
    } catch (error) {
      if (!isMissingFile(error)) throw error;
    }
  }

  has(place: Place): boolean {
    try {
      lstatSync(this.pathOf(place));
      return true;
    } catch (error) {
      if (isMissingFile(error)) return false;
      throw error;
    }
  }

  forget(directory: DirectoryNode): void {
    this.#open.drop(directory);
  }

  /** Closes everything but the root. */
  close(): void {
    this.#open.close();
  }
}
