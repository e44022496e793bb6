import { diskError, isMissingFile } from "../../disk/disk-error.ts";
import type { ByteString } from "../../tar/byte-string.ts";
import { DirectoryNode, joined } from "./directory-node.ts";
import type { EntryFiles } from "./entry-files.ts";
import { refused, shownName, tooMuch } from "./entry-name.ts";

/** Most directories above an entry. Nobody's trees are that deep, and each one costs a call when it has to be opened again. */
const MAX_DEPTH = 512;

/** Most symbolic links that are followed for one path: where Linux stops. */
const MAX_LINKS = 40;

/** The texts of symbolic links of lower layers, by their paths. */
export type LowerLinks = Pick<ReadonlyMap<ByteString, ByteString>, "get">;

const NO_LINKS: LowerLinks = new Map();

/** Where directories are, and what is known of those of lower layers. */
interface TreeOptions {
  readonly rootFd?: number | undefined;
  readonly lowerLinks?: LowerLinks | undefined;
}

/** Which directory is looked for, and for which entry. */
interface Way {
  readonly path: ByteString;
  readonly entry: ByteString;
}

/** Where a path leads in a layer. */
interface Located {
  /** `undefined` when the layer has none there. */
  readonly directory: DirectoryNode | undefined;
  /** The last name of the path. */
  readonly name: ByteString;
  /** The same place by a path without the layer's links: those that it goes on through are ones of lower layers. */
  readonly path: ByteString;
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

  /** `rootFd` is the open directory of the layer, where it is on the disk; the caller closes it */
  constructor(files: EntryFiles, { rootFd = -1, lowerLinks = NO_LINKS }: TreeOptions = {}) {
    this.#files = files;
    this.root.fd = rootFd;
    this.#lowerLinks = lowerLinks;
    this.#last = this.root;
  }

  /**
   * The directory at `path`; what is missing of it is made. Throws `ErrInvalidArgument` where the way leads through something
   * that is no directory, or out, and `ErrResourceExhausted` where it is too deep.
   *
   * @param entry name of the entry that is to be made there, for messages
   */
  make(path: ByteString, entry: ByteString): DirectoryNode {
    if (path === this.#lastPath) return this.#last;
    const found = this.#walk({ path, entry }, (directory, name) => {
      const assumed = this.add(directory, name);
      assumed.isAssumed = true;
      return assumed;
    });
    this.#last = found ?? this.root;
    this.#lastPath = path;
    return this.#last;
  }

  /** Where the layer has `path` at this moment, of which the last name is not followed. Throws as `make` does. */
  locate(path: ByteString, entry: ByteString): Located {
    const slash = path.lastIndexOf("/");
    const parent = slash === -1 ? "" : path.slice(0, slash);
    const name = path.slice(slash + 1);
    if (parent === this.#lastPath) return { directory: this.#last, name, path: joined(this.#last, name) };
    let left = name;
    const directory = this.#walk({ path: parent, entry }, (last, ...names) => {
      left = joined(last, [...names, name].join("/"));
      return undefined;
    });
    return { directory, name, path: directory === undefined ? left : joined(directory, name) };
  }

  /** Makes the directory `name` in `directory`. Throws the errors of mkdir. */
  add(directory: DirectoryNode, name: ByteString): DirectoryNode {
    const node = new DirectoryNode(name, directory);
    if (node.depth > MAX_DEPTH) {
      throw tooMuch(node.path, `${node.depth} directories deep, wanted at most ${MAX_DEPTH}`);
    }
    this.#files.makeDirectory({ directory, name });
    directory.addChild(node);
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

  #walk(
    { path, entry }: Way,
    whenMissing: (
      directory: DirectoryNode,
      name: ByteString,
      ...rest: ByteString[]
    ) => DirectoryNode | undefined,
  ): DirectoryNode | undefined {
    const parts = path.split("/").reverse();
    let node = this.root;
    let links = 0;
    for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
      if (part === "" || part === ".") continue;
      const next =
        part === ".."
          ? this.#above(node, entry)
          : (node.child(part) ??
            this.#linkAt(node, part, entry) ??
            this.#linkBelow(node, part) ??
            whenMissing(node, part, ...parts.toReversed()));
      if (next === undefined) return undefined;
      if (typeof next !== "string") {
        node = next;
        continue;
      }
      if (++links > MAX_LINKS) throw refused(entry, "its path leads through too many symbolic links");
      if (next.startsWith("/")) node = this.root;
      parts.push(...next.split("/").reverse());
    }
    return node;
  }

  #above(node: DirectoryNode, entry: ByteString): DirectoryNode {
    if (node.parent !== undefined) return node.parent;
    throw refused(entry, "its path leads out of the layer, by a symbolic link");
  }

  /** The text of a link of the layer; `undefined` when there is nothing. Throws `ErrInvalidArgument` for anything else. */
  #linkAt(directory: DirectoryNode, name: ByteString, entry: ByteString): ByteString | undefined {
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

/** Whether a layer shows nothing that lower ones have under a name. */
function hides(directory: DirectoryNode, name: ByteString): boolean {
  if (directory.isOpaque || directory.whiteouts?.has(name) === true) return true;
  return directory.parent !== undefined && hides(directory.parent, directory.name);
}

function notADirectory(directory: DirectoryNode, name: ByteString, entry: ByteString): Error {
  return refused(entry, `"${shownName(joined(directory, name))}" is no directory`);
}
