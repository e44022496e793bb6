import type { LayerDownloadManager } from "../../xfer/download-manager.ts";
import type { DownloadDescriptor } from "../../xfer/layer.ts";
import type { Operation } from "../api/operation.ts";

/**
 * Downloads layers, and once more those that are gone by then: a transfer that another pull began may have found a layer
 * that was deleted before this pull joined it. Throws as `LayerDownloadManager.download` does.
 */
export async function bringLayers(
  layers: readonly DownloadDescriptor[],
  downloads: LayerDownloadManager,
  operation: Operation,
): Promise<void> {
  const seen = new Set<string>();
  const watched = layers.map((layer) => watching(layer, () => seen.add(layer.key)));
  await (await downloads.download(watched, operation)).release();
  const missing: DownloadDescriptor[] = [];
  for (const layer of layers) {
    if (seen.has(layer.key)) continue;
    if (!(await layer.exists({ signal: operation.signal }))) missing.push(layer);
  }
  if (missing.length > 0) await (await downloads.download(missing, operation)).release();
}

/** `layer`, which tells when this pull itself has seen that it is there, or brought it in. */
function watching(layer: DownloadDescriptor, onSeen: () => void): DownloadDescriptor {
  return {
    ...layer,
    async exists(options) {
      const exists = await layer.exists(options);
      if (exists) onSeen();
      return exists;
    },
    async download(context) {
      await layer.download(context);
      onSeen();
    },
  };
}
