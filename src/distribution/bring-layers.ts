import type { LayerDownloadManager } from "../xfer/download-manager.ts";
import type { DownloadDescriptor } from "../xfer/layer.ts";
import type { Operation } from "./operation.ts";

/**
 * Downloads layers, and once more those that are gone by then: a transfer that another pull began may have found a layer
 * that was deleted before this pull joined it. Throws as `LayerDownloadManager.download` does.
 */
export async function bringLayers(
  layers: readonly DownloadDescriptor[],
  downloads: LayerDownloadManager,
  operation: Operation,
): Promise<void> {
  await (await downloads.download(layers, operation)).release();
  const missing: DownloadDescriptor[] = [];
  for (const layer of layers) {
    if (!(await layer.exists({ signal: operation.signal }))) missing.push(layer);
  }
  if (missing.length > 0) await (await downloads.download(missing, operation)).release();
}
