import { ErrInvalidArgument } from "../../errors/classes.ts";
import type { ByteString } from "../../tar/byte-string.ts";
import { shownName } from "../unpack/entry-name.ts";
import { PathWalk } from "../unpack/path-walk.ts";
import type { KnownEntry, KnownFile } from "./known-entry.ts";
import { dropName } from "./spool.ts";

/** What has a name in an image. */
export type ImageNode = ImageDirectory | KnownFile;

/** A directory of an image, with what all layers so far show in it together. */
export class ImageDirectory {
  readonly children = new Map<ByteString, ImageNode>();
  /** What the uppermost layer that has an entry for it says; absent while none has. */
  entry: KnownEntry | undefined;
  /** Which layer that is, or which one made it without an entry. */
  layer: number;

  constructor(layer: number) {
    this.layer = layer;
  }
}

/** How a path is reached. */
export interface Way {
  /** Names that lead there, links on the way among them, each in its directory. */
  readonly steps: ReadonlyArray<{ readonly directory: ImageDirectory; readonly name: ByteString }>;
  /** What is there. */
  readonly end: ImageNode;
}

/** What the layers of an image show together. Names are counted, because they are what takes memory. */
export class ImageTree {
  readonly root = new ImageDirectory(0);
  #names = 0;

  /** How many names there are. */
  get names(): number {
    return this.#names;
  }

  /** Gives a name to something, instead of what had it. */
  set(directory: ImageDirectory, name: ByteString, node: ImageNode): void {
    this.remove(directory, name);
    directory.children.set(name, node);
    this.#names++;
  }

  /** Takes a name away, with all that is below it. */
  remove(directory: ImageDirectory, name: ByteString): void {
    const node = directory.children.get(name);
    if (node === undefined) return;
    if (node instanceof ImageDirectory) this.clear(node);
    else dropName(node);
    directory.children.delete(name);
    this.#names--;
  }

  /** Takes everything away that is in a directory. */
  clear(directory: ImageDirectory): void {
    for (const name of directory.children.keys()) this.remove(directory, name);
  }

  /** What is at a path, without following a link anywhere. */
  at(path: ByteString): ImageNode | undefined {
    let node: ImageNode | undefined = this.root;
    for (const name of path === "" ? [] : path.split("/")) {
      node = node instanceof ImageDirectory ? node.children.get(name) : undefined;
    }
    return node;
  }

  /** The text of the symbolic link at a path, if there is one, without following a link on the way. */
  linkAt(path: ByteString): ByteString | undefined {
    const node = this.at(path);
    return node instanceof ImageDirectory || node?.entry.type !== "symlink" ? undefined : node.entry.linkName;
  }

  /**
   * The way to a path, as a container would take it: links are followed, and none leads out of the image. `undefined` when nothing
   * is there. Throws `ErrInvalidArgument` where there are too many links.
   *
   * @param followsLast whether a link at the end is followed as well
   */
  way(path: ByteString, followsLast: boolean): Way | undefined {
    const steps: Array<Way["steps"][number]> = [];
    const walk = new PathWalk(this.root, path);
    for (let name = walk.next(); name !== undefined; name = walk.next()) {
      const { directory } = walk;
      const node = directory.children.get(name);
      if (node === undefined) return undefined;
      steps.push({ directory, name });
      if (node instanceof ImageDirectory) walk.enter(node);
      else if (!isLink(node) || (walk.isAtEnd && !followsLast))
        return walk.isAtEnd ? { steps, end: node } : undefined;
      else if (!walk.follow(node.entry.linkName)) throw tooManyLinks(path);
    }
    return { steps, end: walk.directory };
  }
}

function isLink({ entry }: KnownFile): boolean {
  return entry.type === "symlink";
}

function tooManyLinks(path: ByteString): ErrInvalidArgument {
  return new ErrInvalidArgument(
    `look for "${shownName(path)}": the path leads through too many symbolic links`,
  );
}
