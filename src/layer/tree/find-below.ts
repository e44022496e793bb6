import type { Stats } from "node:fs";
import { lstat } from "node:fs/promises";
import { diskError, isMissingFile } from "../../disk/disk-error.ts";
import type { LayerTree } from "./layer-tree.ts";
import { pathBelow } from "./path-below.ts";

/** An entry as the layers show it together. */
export interface FoundEntry {
  /** Where the uppermost layer that has it keeps it. */
  readonly path: Buffer;
  readonly layer: LayerTree;
  readonly stats: Stats;
}

/**
 * What `layers`, uppermost first, show together at `name`, as overlayfs would: `undefined` where there is nothing, where it is
 * taken away, or where something that is no directory stands in the way. Links are not followed. Throws the classes of
 * `diskError`.
 *
 * @param name relative, in the layer's bytes (latin1)
 */
export async function findBelow(layers: readonly LayerTree[], name: string): Promise<FoundEntry | undefined> {
  const parts = name === "" ? [] : name.split("/");
  for (const layer of layers) {
    const seen = await lookInto(layer, parts);
    if (seen === "nothing") continue;
    return seen === "hidden" ? undefined : seen;
  }
  return undefined;
}

/**
 * What one layer says of a name: it has it, it hides what is below, or it says nothing. Something that is no directory in the
 * way hides what is below as well.
 */
async function lookInto(
  layer: LayerTree,
  parts: readonly string[],
): Promise<FoundEntry | "hidden" | "nothing"> {
  let hides = layer.opaque.has("");
  let found = await entryAt(layer, "");
  for (let depth = 1; depth <= parts.length; depth++) {
    const name = parts.slice(0, depth).join("/");
    if (layer.whiteouts.has(name)) return "hidden";
    const entry = await entryAt(layer, name);
    if (!entry) return hides ? "hidden" : "nothing";
    const isLast = depth === parts.length;
    if (!isLast && !entry.stats.isDirectory()) return "hidden";
    if (layer.opaque.has(name)) hides = true;
    found = entry;
  }
  return found ?? "nothing";
}

async function entryAt(layer: LayerTree, name: string): Promise<FoundEntry | undefined> {
  const path = pathBelow(layer.path, name);
  try {
    return { path, layer, stats: await lstat(path) };
  } catch (cause) {
    if (isMissingFile(cause)) return undefined;
    throw diskError("look into layer", layer.path, cause);
  }
}
