import { inSlices, type Pause } from "../../async/slices.ts";
import { ErrInvalidArgument } from "../../errors/classes.ts";
import { isInvalidArgument } from "../../errors/predicates.ts";
import type { ByteString } from "../../tar/byte-string.ts";
import type { DirectoryNode } from "../unpack/directory-node.ts";
import type { DirectoryTree } from "../unpack/directory-tree.ts";
import { shownName } from "../unpack/entry-name.ts";
import { gatherRest, type LayerRest } from "../unpack/layer-rest.ts";
import type { CrossLink } from "../unpack/unpack-outcome.ts";
import { LINKED_FILES } from "../unpack/whiteout-names.ts";
import { ImageDirectory, type ImageTree } from "./image-tree.ts";
import { KnownFile, knownEntry } from "./known-entry.ts";
import type { MemoryFiles } from "./memory-files.ts";
import { dropName } from "./spool.ts";

/** A layer whose archive has ended. */
export interface ReadLayer {
  readonly tree: DirectoryTree;
  readonly files: MemoryFiles;
  /** Which one it is, from 0 for the lowest. */
  readonly layer: number;
}

/** How a layer is merged. */
interface MergeOptions {
  /** Called between two names. */
  readonly pause: Pause;
}

/**
 * Puts a layer on those below it, as overlayfs shows them together. Throws `ErrInvalidArgument` for a hard link to what is nowhere or
 * is a directory, and for entries in what is none, and what `pause` throws.
 */
export async function mergeLayer(
  image: ImageTree,
  { tree, files, layer }: ReadLayer,
  { pause }: MergeOptions,
): Promise<void> {
  tree.drop(tree.root, LINKED_FILES.slice(0, -1)); // the names under which aufs keeps files with several names are its own
  const rest = await inSlices(gatherRest(tree, files), pause);
  for (const path of rest.assumedParents) checkDirectory(image, path);
  // What this layer hides or replaces was there before: in archives a link may come first.
  const before = rest.crossLinks.map(({ target }) => held(fileAt(image, target)));
  const specials = specialsOf(rest, layer);
  await new Merge(image, { files, layer, specials, pause }).directory(image.root, tree.root);
  const linked = new Set<KnownFile>();
  for (const [at, crossLink] of rest.crossLinks.entries()) {
    linked.add(linkTo(image, crossLink, { before: before[at], linked }));
    if (before[at]) dropName(before[at]);
  }
}

type Specials = ReadonlyMap<DirectoryNode, ReadonlyMap<ByteString, KnownFile>>;

/** What is merged. */
interface Merged extends Pick<ReadLayer, "files" | "layer">, MergeOptions {
  readonly specials: Specials;
}

class Merge {
  readonly #image: ImageTree;
  readonly #layer: Merged;

  constructor(image: ImageTree, layer: Merged) {
    this.#image = image;
    this.#layer = layer;
  }

  /** Puts a directory of the layer on the one of that name. */
  async directory(into: ImageDirectory, node: DirectoryNode): Promise<void> {
    const { files, layer, specials, pause } = this.#layer;
    if (node.isOpaque) this.#hideAll(into, node);
    for (const name of node.whiteouts ?? []) this.#hide(into, name, node.child(name));
    if (node.entry !== undefined) {
      into.entry = knownEntry(node.entry);
      into.layer = layer;
    }
    for (const [name, file] of files.in(node)) {
      this.#image.set(into, name, file);
      const due = pause();
      if (due) await due; // there may be a million of them
    }
    for (const [name, file] of specials.get(node) ?? []) this.#image.set(into, name, file);
    for (const child of node.children) await this.directory(this.#directoryIn(into, child.name), child);
  }

  #hide(into: ImageDirectory, name: ByteString, own: DirectoryNode | undefined): void {
    const below = into.children.get(name);
    if (own?.isAssumed && below instanceof ImageDirectory) this.#hideAll(below, own);
    else this.#image.remove(into, name);
  }

  /** Directories that this layer went on with before it hid what was in them stay, empty. */
  #hideAll(into: ImageDirectory, own: DirectoryNode): void {
    for (const name of into.children.keys()) this.#hide(into, name, own.child(name));
  }

  #directoryIn(into: ImageDirectory, name: ByteString): ImageDirectory {
    const below = into.children.get(name);
    if (below instanceof ImageDirectory) return below;
    const made = new ImageDirectory(this.#layer.layer);
    this.#image.set(into, name, made);
    return made;
  }
}

/** A layer has something in a directory before it says that it is one: then what lower layers have there has to be one. */
function checkDirectory(image: ImageTree, path: ByteString): void {
  if (!(image.at(path) instanceof KnownFile)) return;
  throw new ErrInvalidArgument(
    `read layer: entries in "${shownName(path)}", which is no directory of the layers below`,
  );
}

/** What is known of the files that links may lead to. */
interface LinkContext {
  /** What was there before the layer. */
  readonly before: KnownFile | undefined;
  /** Those that links of the layer lead to which came earlier. */
  readonly linked: ReadonlySet<KnownFile>;
}

/** Gives another name to the file that was there when the archive came to the link, or else to the one that came later. */
function linkTo(image: ImageTree, { name, target }: CrossLink, { before, linked }: LinkContext): KnownFile {
  const now = fileAt(image, target);
  const found = now && linked.has(now) ? now : (before ?? now);
  if (!found) {
    const what = `hard link to "${shownName(target)}": got nothing or a directory, wanted a file`;
    throw new ErrInvalidArgument(`read layer: entry "${shownName(name)}": ${what}`);
  }
  const slash = name.lastIndexOf("/");
  const directory = image.at(name.slice(0, Math.max(0, slash)));
  if (!(directory instanceof ImageDirectory)) return found; // another entry hides it
  found.names++;
  image.set(directory, name.slice(slash + 1), found);
  return found;
}

/** The file at a path, by way of links; none where these go round in circles. */
function fileAt(image: ImageTree, path: ByteString): KnownFile | undefined {
  try {
    const end = image.way(path, false)?.end;
    return end instanceof KnownFile ? end : undefined;
  } catch (error) {
    if (isInvalidArgument(error)) return undefined;
    throw error;
  }
}

/** Keeps what it is given, whatever becomes of its names; to be dropped. */
function held(file: KnownFile | undefined): KnownFile | undefined {
  if (file) file.names++;
  return file;
}

/** Devices and FIFOs, which wait for the end of a layer, by their directories. */
function specialsOf({ pending }: LayerRest, layer: number): Specials {
  const specials = new Map<DirectoryNode, Map<ByteString, KnownFile>>();
  for (const [{ kind, entry, order }, places] of pending) {
    if (kind !== "special") continue;
    const file = new KnownFile(knownEntry(entry), layer, order);
    file.names = places.length;
    for (const { directory, name } of places) {
      specials.set(directory, (specials.get(directory) ?? new Map()).set(name, file));
    }
  }
  return specials;
}
