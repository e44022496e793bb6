import type { ByteString } from "../../tar/byte-string.ts";
import type { TarEntry } from "../../tar/tar-entry.ts";
import type { DirectoryNode } from "./directory-node.ts";

/** Where an entry belongs. */
export interface Place {
  readonly directory: DirectoryNode;
  readonly name: ByteString;
}

/** A regular file on its way. Its methods throw what the file calls throw. */
export interface OpenFile {
  /** The next bytes of the content; they are the caller's own afterwards. */
  write(piece: Buffer): void;
  /** The content is complete: sets owner, mode and time, and closes the file. */
  finish(options: { readonly givesOwner: boolean }): void;
  /** Closes the file as it is. */
  close(): void;
}

/**
 * What files and directories are made with: on the disk, or to be known only. A place is one in a directory that was made here, no
 * call follows a link, and none replaces anything: what is in the way throws `EEXIST`, as the file calls do.
 */
export interface EntryFiles {
  makeDirectory(place: Place): void;
  makeFile(place: Place, entry: TarEntry): OpenFile;
  makeSymlink(place: Place, entry: TarEntry, options: { readonly givesOwner: boolean }): void;
  /** Another name for a file. Throws `ENOENT` where there is none. */
  makeLink(target: Place, place: Place): void;
  /** The text of a symbolic link. Throws `ENOENT` where there is nothing, and `EINVAL` for anything else. */
  readLink(place: Place): ByteString;
  /** Removes what is there, if anything is; a directory with all that is in it. */
  remove(place: Place, what: { readonly isDirectory: boolean }): void;
  /** Whether anything but a directory is there. */
  has(place: Place): boolean;
  /** A directory is about to be removed. */
  forget(directory: DirectoryNode): void;
}
