import type { ByteString } from "../../tar/byte-string.ts";
import type { TarEntry } from "../../tar/tar-entry.ts";

/** What the name of a whiteout begins with (OCI image-spec, layer.md "Whiteouts"). */
export const WHITEOUT = ".wh.";

/** The path of the entry by which an archive says that `name` is hidden. */
export function markOf(name: ByteString): ByteString {
  const at = name.lastIndexOf("/") + 1;
  return `${name.slice(0, at)}${WHITEOUT}${name.slice(at)}`;
}

/** The name of the entry that makes its directory opaque. */
export const OPAQUE = ".wh..wh..opq";

/** What aufs keeps for itself at the root of a layer begins with this. */
const AUFS_METADATA = ".wh..wh.";

/** Where aufs keeps files that have several names; their other names are hard links to these. */
export const LINKED_FILES = ".wh..wh.plnk/";

/** Whether an entry is aufs's own business: no part of the layer, except files that hard links may lead to. */
export function isAufsMetadata(path: ByteString, { type }: TarEntry): boolean {
  if (!path.startsWith(AUFS_METADATA) || path === OPAQUE) return false;
  return !(type === "file" && path.startsWith(LINKED_FILES));
}

/** Whether a directory above an entry has the name of a whiteout: nothing can be in what stands for nothing. */
export function isBelowWhiteout(path: ByteString): boolean {
  return path.includes(WHITEOUT) && !path.startsWith(LINKED_FILES) && /(?:^|\/)\.wh\.[^/]*\//.test(path);
}

/** Whether an entry, or a directory above it, has the name of a whiteout. */
export function isWhiteout(path: ByteString): boolean {
  return path.split("/").some((name) => name.startsWith(WHITEOUT));
}
