import { ErrInvalidArgument } from "../../errors/classes.ts";
import type { ByteString } from "../../tar/byte-string.ts";
import { findBelow } from "../tree/find-below.ts";
import type { LayerTree } from "../tree/layer-tree.ts";
import { shownName } from "../unpack/entry-name.ts";
import { followLinks } from "./follow-links.ts";

/**
 * The symbolic links of lower layers in the place of directories that a layer has put something into before it said that they are some: who unpacks
 * layers one on the other goes through them, as into `/bin` of a system where that is `usr/bin`. Throws `ErrInvalidArgument` where
 * such a directory can be none, and the classes of `diskError`.
 *
 * @param assumedParents of the layer, parents first
 * @param below the layers below, uppermost first
 */
export async function linksBelow(
  assumedParents: readonly ByteString[],
  below: readonly LayerTree[],
): Promise<ReadonlyMap<ByteString, ByteString>> {
  const links = new Map<ByteString, ByteString>();
  let wrong: ByteString | undefined;
  for (const name of assumedParents) {
    const found = await findBelow(below, name);
    if (!found || found.stats.isDirectory()) continue;
    if (!found.stats.isSymbolicLink()) wrong ??= name;
    for (const [path, text] of (await followLinks(below, name)).links) links.set(path, text);
  }
  if (wrong === undefined || links.size > 0) return links; // with all links it is another directory perhaps, or hidden before
  throw new ErrInvalidArgument(
    `unpack layer: entries in "${shownName(wrong)}", which is no directory of the layers below`,
  );
}
