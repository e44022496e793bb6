import { ErrNotFound } from "../../errors/classes.ts";
import type { ByteString } from "../../tar/byte-string.ts";
import { shownName } from "../unpack/entry-name.ts";
import { ImageDirectory, type ImageNode, type ImageTree } from "./image-tree.ts";

/** A name of an image, and what has it. */
export interface NamedNode {
  /** Below the root, which is "". */
  readonly path: ByteString;
  readonly node: ImageNode;
  /** Whether it was meant itself, and not only leads to what was. */
  readonly isMeant: boolean;
}

/** Which part of an image is meant. */
export interface SelectionOptions {
  /** Paths that are meant, with all below them. Absent: everything. */
  readonly paths?: readonly ByteString[] | undefined;
  /** Whether a link at the end of a path means what it leads to as well. */
  readonly followsLinks: boolean;
}

/** Names of a directory that are in it, and whether each is meant; or all. */
type Chosen = Map<ByteString, boolean> | "all";

/**
 * Part of an image: some paths with all below them, and what leads there: directories and links on the way. Throws `ErrNotFound`
 * for a path that is not there, and `ErrInvalidArgument` where there are too many links.
 */
export class Selection {
  readonly #image: ImageTree;
  readonly #chosen = new Map<ImageDirectory, Chosen>();

  constructor(image: ImageTree, { paths, followsLinks }: SelectionOptions) {
    this.#image = image;
    if (paths === undefined) this.#chosen.set(image.root, "all");
    else for (const path of paths) this.#add(path, followsLinks);
  }

  /** Everything in it, parents first, the names of a directory sorted by their bytes; the root is left out. */
  *nodes(): Generator<NamedNode> {
    yield* this.#below(this.#image.root, "", false);
  }

  *#below(directory: ImageDirectory, path: ByteString, isWhole: boolean): Generator<NamedNode> {
    const chosen = isWhole ? "all" : this.#chosen.get(directory);
    for (const [name, node] of sorted(directory)) {
      const isMeant = chosen === "all" || chosen?.get(name);
      if (isMeant === undefined) continue;
      const at = path === "" ? name : `${path}/${name}`;
      yield { path: at, node, isMeant };
      if (node instanceof ImageDirectory) yield* this.#below(node, at, chosen === "all");
    }
  }

  #add(path: ByteString, followsLinks: boolean): void {
    const way = this.#image.way(path, followsLinks);
    if (!way) throw new ErrNotFound(`read image: "/${shownName(path)}" is not there`);
    for (const [at, { directory, name }] of way.steps.entries()) {
      const chosen = this.#chosen.get(directory) ?? new Map<ByteString, boolean>();
      if (chosen === "all") continue;
      const isMeant = at === way.steps.length - 1 || chosen.get(name) === true;
      this.#chosen.set(directory, chosen.set(name, isMeant));
    }
    if (way.end instanceof ImageDirectory) this.#chosen.set(way.end, "all");
  }
}

/** The names of a directory, sorted by their bytes. */
function sorted(directory: ImageDirectory): ReadonlyArray<readonly [ByteString, ImageNode]> {
  return [...directory.children].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Paths that people write, from the root on: `/etc/passwd`, `etc//passwd` and `./etc/passwd` are one. */
export function pathsOf(paths: readonly string[]): readonly ByteString[] {
  return paths.map((path) => {
    const parts = Buffer.from(path).toString("latin1").split("/");
    return parts.filter((part) => part !== "" && part !== ".").join("/");
  });
}
