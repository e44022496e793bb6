import type { AbortOptions } from "../../async/abort.ts";
import { Slices } from "../../async/slices.ts";
import type { Digest } from "../../digest/digest.ts";
import { textOf } from "../../tar/byte-string.ts";
import { ImageDirectory, type ImageNode, type ImageTree } from "./image-tree.ts";
import type { KnownEntry, KnownFile } from "./known-entry.ts";
import type { ReadableLayer } from "./readable-layer.ts";
import { Selection, type SelectionOptions } from "./selection.ts";

/** What something in an image is. */
export type ImageEntryType = "file" | "directory" | "symlink" | "character device" | "block device" | "fifo";

/** Something in an image, as a container would see it. */
export interface ImageEntry {
  /** From the root on: `/etc/passwd`. Names that are no UTF-8 have U+FFFD in them. */
  readonly path: string;
  readonly type: ImageEntryType;
  /** Permissions with the bits for set-user-ID, set-group-ID and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of a file; 0 for all others. */
  readonly size: number;
  /** Seconds since the epoch, with a fraction, negative before it; 0 of a directory of which no layer says it. */
  readonly mtime: number;
  /** Where a symbolic link leads, as it stands in the layer. */
  readonly linkTarget?: string | undefined;
  /** Another path of the same file that was told before. */
  readonly hardLink?: string | undefined;
  /** Digest of the layer's blob that it is from: of a directory, of the uppermost one that says something of it. */
  readonly layer: Digest;
}

/** How a directory is that no layer says anything of. */
const NOTHING_SAID = { mode: 0o755, uid: 0, gid: 0, mtime: 0 } as const;

/** What Linux says of every symbolic link. */
const LINK_MODE = 0o777;

/** What of an image is told. */
export type ImageEntriesOptions = SelectionOptions & AbortOptions;

/**
 * What is in an image, parents first, the names of a directory sorted by their bytes; the root is left out. Throws as `Selection`
 * does, at once, and the abort error.
 *
 * @param layers those that were read
 */
export function imageEntries(
  image: ImageTree,
  layers: readonly ReadableLayer[],
  options: ImageEntriesOptions,
): AsyncIterable<ImageEntry> {
  return told(new Selection(image, options), layers, options);
}

async function* told(
  selection: Selection,
  layers: readonly ReadableLayer[],
  options: AbortOptions,
): AsyncGenerator<ImageEntry> {
  const { pause } = new Slices(options);
  const paths = new Map<KnownFile, string>();
  for (const { path: name, node, isMeant } of selection.nodes()) {
    const layer = layers[node.layer];
    await pause();
    if (!isMeant || !layer) continue;
    const path = `/${textOf(name)}`;
    const hardLink = node instanceof ImageDirectory ? undefined : paths.get(node);
    if (!(node instanceof ImageDirectory) && node.names > 1 && hardLink === undefined) paths.set(node, path);
    yield { path, ...factsOf(node), ...(hardLink !== undefined && { hardLink }), layer: layer.digest };
  }
}

function factsOf(node: ImageNode): Omit<ImageEntry, "path" | "hardLink" | "layer"> {
  if (node instanceof ImageDirectory) {
    const { mode, uid, gid, mtime } = node.entry ?? NOTHING_SAID;
    return { type: "directory", mode, uid, gid, size: 0, mtime };
  }
  const { type, mode, uid, gid, mtime, fileSize, linkName } = node.entry;
  const kind = typeOf(type);
  const facts = { type: kind, mode, uid, gid, size: kind === "file" ? fileSize : 0, mtime };
  return kind === "symlink" ? { ...facts, mode: LINK_MODE, linkTarget: textOf(linkName) } : facts;
}

/** Hard links and what nobody knows are no nodes. */
function typeOf(type: KnownEntry["type"]): ImageEntryType {
  return type === "hardlink" || type === "other" ? "file" : type;
}
