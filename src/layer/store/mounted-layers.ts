import { readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import { type Digest, encodedOf } from "../../digest/digest.ts";
import { shortName } from "../rootfs/short-names.ts";
import type { LayerLayout } from "./layer-layout.ts";

/** Which layers are mounted. */
export interface MountedLayers {
  /** Whether a mount shows the layer, as far as this process may see the mounts of others. */
  has(chainId: Digest): boolean;
}

/** What of a mount's paths and options may stand for a layer: the hex of its chain ID, or its short name. */
const LAYER_NAME = /[0-9a-f]{64,128}|(?<=[=:]l\/)[\w-]{8}/g;

/**
 * Looks at the mounts of all processes: who has mounted a layer need not run any more, nor have said that he keeps it. A mount
 * goes on showing a layer that is renamed, and nothing of one that is removed. Never throws: of what cannot be read nothing is
 * known.
 */
export async function mountedLayers(layout: LayerLayout): Promise<MountedLayers> {
  const names = new Set<string>();
  const namespaces = new Set<string>();
  for (const pid of await readdir("/proc").catch(() => [])) {
    if (!/^\d+$/.test(pid)) continue;
    const namespace = await readlink(join("/proc", pid, "ns/mnt")).catch(() => pid);
    if (namespaces.has(namespace)) continue;
    namespaces.add(namespace);
    const mounts = await readFile(join("/proc", pid, "mountinfo"), "latin1").catch(() => "");
    for (const [name] of mounts.matchAll(LAYER_NAME)) names.add(name);
  }
  return {
    has: (chainId) => {
      const tree = layout.treePath(layout.layerPath(chainId));
      return names.has(encodedOf(chainId)) || names.has(shortName(tree, layout.layers));
    },
  };
}
