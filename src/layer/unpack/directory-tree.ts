import { diskError, isMissingFile } from "../../disk/disk-error.ts";
import type { ByteString } from "../../tar/byte-string.ts";
import { DirectoryNode, joined } from "./directory-node.ts";
import type { EntryFiles } from "./entry-files.ts";
import { refused, shownName, tooMuch } from "./entry-name.ts";
import { MAX_DEPTH, PathWalk } from "./path-walk.ts";

/** The texts of symbolic links of lower layers, by their paths. */
export type LowerLinks = Pick<ReadonlyMap<ByteString, ByteString>, "get">;

const NO_LINKS: LowerLinks = new Map();

/** Where directories are, and what is known of those of lower layers. */
interface TreeOptions {
  readonly rootFd?: number | undefined;
  readonly lowerLinks?: LowerLinks | undefined;
}

/** Where a path leads in a layer. */
interface Located {
  /** `undefined` when the layer has none there. */
  readonly directory: DirectoryNode | undefined;
  /** The last name of the path. */
  readonly name: ByteString;
  /** The same place by a path without links, as far as these are known. */
  readonly path: ByteString;
}

interface Walked {
  readonly directory: DirectoryNode;
  /** Whether the path leads there until something is removed. Through a link of a lower layer it does not: any entry may hide that. */
  readonly isStable: boolean;
}

/**
 * The directories of a layer as its archive names them. A path is walked from directory to directory, never by the kernel: links
 * of the layer are followed by their text inside the layer, as they would lead in a container, and none leads out. So are those
 * of lower layers that are known.
 */
export class DirectoryTree {
  readonly root = new DirectoryNode("", undefined);
  readonly #files: EntryFiles;
  /** The directory that was asked for last: archives go directory by directory. */
  #lastPath: ByteString | undefined;
  #last: DirectoryNode;
  readonly #lowerLinks: LowerLinks;
  readonly #assumed = new Set<ByteString>();

  /** `rootFd` is the open directory of the layer, where it is on the disk; the caller closes it */
  constructor(files: EntryFiles, { rootFd = -1, lowerLinks = NO_LINKS }: TreeOptions = {}) {
    this.#files = files;
    this.root.fd = rootFd;
    this.#lowerLinks = lowerLinks;
    this.#last = this.root;
  }

  /**
   * Directories that the layer had not when something was put into them or looked for there, parents first: where lower layers have
   * a link in such a place, that is meant to be where it leads. Those that had hidden what lower layers have are not among them.
   */
  get assumed(): Iterable<ByteString> {
    return this.#assumed;
  }

  /**
   * The directory at `path`; what is missing of it is made. Throws `ErrInvalidArgument` where the way leads through something
   * that is no directory, and `ErrResourceExhausted` where it is too deep.
   *
   * @param entry name of the entry that is to be made there, for messages
   */
  make(path: ByteString, entry: ByteString): DirectoryNode {
    if (path === this.#lastPath) return this.#last;
    const { directory, isStable } = this.#walk(path, entry);
    this.#makeMissing(directory);
    this.#last = directory;
    this.#lastPath = isStable ? path : undefined;
    return directory;
  }

  /** Where the layer has `path` at this moment, of which the last name is not followed. Throws as `make` does. */
  locate(path: ByteString, entry: ByteString): Located {
    const slash = path.lastIndexOf("/");
    const parent = path.slice(0, Math.max(0, slash));
    const name = path.slice(slash + 1);
    const directory = parent === this.#lastPath ? this.#last : this.#walk(parent, entry).directory;
    return { directory: isThere(directory) ? directory : undefined, name, path: joined(directory, name) };
  }

  /** Makes the directory `name` in `directory`. Throws the errors of mkdir. */
  add(directory: DirectoryNode, name: ByteString): DirectoryNode {
    const node = newDirectory(directory, name);
    this.#makeMissing(node);
    return node;
  }

  /** What has this name is about to be removed: forgets it. Returns whether it is a directory. */
  drop(directory: DirectoryNode, name: ByteString): boolean {
    this.#lastPath = undefined; // the way to it may have led through a link of this name
    const node = directory.child(name);
    if (node === undefined) return false;
    this.#files.forget(node);
    directory.removeChild(name);
    return true;
  }

  /** Where a path leads. Directories of it that the layer has not are ones that nobody has made. */
  #walk(path: ByteString, entry: ByteString): Walked {
    const walk = new PathWalk(this.root, path);
    let isStable = true;
    for (let name = walk.next(); name !== undefined; name = walk.next()) {
      const { directory } = walk;
      const own = directory.child(name) ?? this.#linkAt(directory, name, entry);
      const next = own ?? this.#linkBelow(directory, name) ?? this.#assume(directory, name);
      if (own === undefined && typeof next === "string") isStable = false;
      if (typeof next !== "string") walk.enter(next);
      else if (!walk.follow(next)) throw refused(entry, "its path leads through too many symbolic links");
    }
    return { directory: walk.directory, isStable };
  }

  #assume(directory: DirectoryNode, name: ByteString): DirectoryNode {
    const node = newDirectory(directory, name);
    if (hides(directory, name)) return node;
    node.isAssumed = true;
    this.#assumed.add(node.path);
    return node;
  }

  #makeMissing(directory: DirectoryNode): void {
    const { parent, name } = directory;
    if (parent === undefined || isThere(directory)) return;
    this.#makeMissing(parent);
    this.#files.makeDirectory({ directory: parent, name });
    parent.addChild(directory);
  }

  /** The text of a link of the layer; `undefined` when there is nothing. Throws `ErrInvalidArgument` for anything else. */
  #linkAt(directory: DirectoryNode, name: ByteString, entry: ByteString): ByteString | undefined {
    if (!isThere(directory)) return undefined;
    if (directory.pending?.has(name)) throw notADirectory(directory, name, entry);
    try {
      return this.#files.readLink({ directory, name });
    } catch (cause) {
      if (isMissingFile(cause)) return undefined;
      if ((cause as NodeJS.ErrnoException).code === "EINVAL") throw notADirectory(directory, name, entry);
      throw diskError("unpack entry", shownName(entry), cause);
    }
  }

  /** The text of a link of a lower layer, unless this one hides it. */
  #linkBelow(directory: DirectoryNode, name: ByteString): ByteString | undefined {
    const text = this.#lowerLinks.get(joined(directory, name));
    return text === undefined || hides(directory, name) ? undefined : text;
  }
}

/** A directory that nobody has made yet. Throws `ErrResourceExhausted` where it is too deep. */
function newDirectory(parent: DirectoryNode, name: ByteString): DirectoryNode {
  const node = new DirectoryNode(name, parent);
  if (node.depth <= MAX_DEPTH) return node;
  throw tooMuch(node.path, `${node.depth} directories deep, wanted at most ${MAX_DEPTH}`);
}

/** Whether a directory was made, and is not gone. */
function isThere({ parent, name }: DirectoryNode): boolean {
  return parent === undefined || parent.child(name) !== undefined;
}

/** Whether a layer shows nothing that lower ones have under a name. */
function hides(directory: DirectoryNode, name: ByteString): boolean {
  return directory.whiteouts?.has(name) === true || hidesAll(directory);
}

/** Whether a layer shows nothing that lower ones have in a directory. */
export function hidesAll({ isOpaque, parent, name }: DirectoryNode): boolean {
  return isOpaque || (parent !== undefined && hides(parent, name));
}

function notADirectory(directory: DirectoryNode, name: ByteString, entry: ByteString): Error {
  return refused(entry, `"${shownName(joined(directory, name))}" is no directory`);
}
