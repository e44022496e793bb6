import type { ByteString } from "../../tar/byte-string.ts";
import type { TarEntry } from "../../tar/tar-entry.ts";

/** What an archive says of a file that Node.js cannot do, so that it waits for the end of the layer. */
export interface Pending {
  /**
   * `special`: a device or FIFO, which is not on the disk yet. `attributes`: a file that is, and gets extended attributes.
   * `cross link`: a hard link to a file of a lower layer. `unmade`: a device or FIFO that the host cannot make, and that
   * hides what lower layers have all the same. Hard links of one file share one object.
   */
  readonly kind: "special" | "attributes" | "cross link" | "unmade";
  readonly entry: TarEntry;
  /** Of a cross link: the path of the file. */
  readonly target: ByteString;
  /** The place among all entries of the archive, from 1. */
  readonly order: number;
}

/** A directory of the layer that this unpacking has made. What the archive says of what is in it hangs on it, and goes with it. */
export class DirectoryNode {
  readonly name: ByteString;
  readonly parent: DirectoryNode | undefined;
  readonly depth: number;
  /** What waits for the end, by name. */
  pending: Map<ByteString, Pending> | undefined;
  /** Names that are hidden in the layers below. */
  whiteouts: Set<ByteString> | undefined;
  /** What the archive says of the directory; `undefined` while it has said nothing. */
  entry: TarEntry | undefined;
  /** Whether something was put into it before the archive said anything of it, and nothing hides what lower layers have there. */
  isAssumed = false;
  /** Whether everything is hidden that lower layers have in it. */
  isOpaque = false;
  /** Whether something that hides nothing was put into it, or into a directory in it. */
  isFilled = false;
  /** The open directory, or -1. */
  fd = -1;
  /** Most directories have none in them, and a layer may have a million of those. */
  #children: Map<ByteString, DirectoryNode> | undefined;

  constructor(name: ByteString, parent: DirectoryNode | undefined) {
    this.name = name;
    this.parent = parent;
    this.depth = parent === undefined ? 0 : parent.depth + 1;
  }

  /** The directories in it. */
  get children(): Iterable<DirectoryNode> {
    return this.#children?.values() ?? [];
  }

  /** The directory in it of this name. */
  child(name: ByteString): DirectoryNode | undefined {
    return this.#children?.get(name);
  }

  /** There is a new directory in it. */
  addChild(child: DirectoryNode): void {
    this.#children ??= new Map();
    this.#children.set(child.name, child);
  }

  /** A directory in it is gone. */
  removeChild(name: ByteString): void {
    this.#children?.delete(name);
  }

  /** Path below the layer's root; "" for the root. */
  get path(): ByteString {
    return this.parent === undefined ? "" : joined(this.parent, this.name);
  }
}

/** Path of what is in a directory under `name`. */
export function joined(directory: DirectoryNode, name: ByteString): ByteString {
  const parts = [name];
  for (let node = directory; node.parent !== undefined; node = node.parent) parts.push(node.name);
  return parts.reverse().join("/");
}
