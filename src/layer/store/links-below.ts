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
  for (const name of assumedParents) {
    const found = await findBelow(below, name);
    if (found?.stats.isDirectory() || (!found && !isBelowAny(name, links))) continue;
    const followed = await followLinks(below, name);
    if (followed.obstacle !== undefined) {
      throw new ErrInvalidArgument(
        `unpack layer: entries in "${shownName(name)}", which is no directory of the layers below: ${followed.obstacle}`,
      );
    }
    for (const [path, text] of followed.links) links.set(path, text);
  }
  return links;
}

function isBelowAny(name: ByteString, links: ReadonlyMap<ByteString, ByteString>): boolean {
  for (let at = name.lastIndexOf("/"); at > 0; at = name.lastIndexOf("/", at - 1)) {
    if (links.has(name.slice(0, at))) return true;
  }
  return false;
}
