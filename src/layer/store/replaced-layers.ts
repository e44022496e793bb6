import { randomBytes } from "node:crypto";
import { rename } from "node:fs/promises";
import { join } from "node:path";
import type { Digest } from "../../digest/digest.ts";
import { diskError, isMissingFile } from "../../disk/disk-error.ts";
import { makeDirectory } from "../../disk/make-directory.ts";
import { namesIn } from "../../disk/names-in.ts";
import type { LayerLayout } from "./layer-layout.ts";
import { mountedLayers } from "./mounted-layers.ts";
import { stageAway } from "./staging.ts";
import { tryLockAlone } from "./use-locks.ts";

/** Whoever uses a layer may go on using it when there is another in its place, and nobody else sees it any more. */
const PRIVATE_MODE = 0o700;

/**
 * Makes the place of a layer free; nothing happens when nothing lies there. Where it goes it stays as long as somebody uses it:
 * a mount shows it wherever it is. Throws the classes of `diskError`.
 */
export async function makePlace(layout: LayerLayout, chainId: Digest): Promise<void> {
  await makeDirectory(layout.replaced, { mode: PRIVATE_MODE });
  const path = layout.layerPath(chainId);
  try {
    await rename(path, layout.replacedPath(chainId, randomBytes(8).toString("hex")));
  } catch (cause) {
    if (!isMissingFile(cause)) throw diskError("replace layer", path, cause);
  }
}

/** Removes what was replaced, and what nobody uses or has mounted. Throws the classes of `diskError`. */
export async function sweepReplaced(layout: LayerLayout): Promise<void> {
  const names = await namesIn(layout.replaced);
  if (names.length === 0) return;
  const mounted = await mountedLayers(layout);
  for (const name of names) {
    const chainId = layout.replacedChainId(name);
    if (chainId === undefined || mounted.has(chainId)) continue;
    const release = await tryLockAlone(layout, chainId);
    if (!release) continue;
    const directory = await stageAway(layout, join(layout.replaced, name)).finally(release);
    await directory?.remove();
  }
}
