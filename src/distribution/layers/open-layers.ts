import type { LayerStore } from "../../layer/store/layer-store.ts";
import type { LayerDownloadManager } from "../../xfer/download-manager.ts";
import type { LayerTarget } from "../../xfer/layer.ts";
import type { DistributionOptions } from "../api/options.ts";
import { layerTarget } from "./layer-target.ts";
import type { ImageLayers } from "./unpacked-images.ts";

/** What an engine unpacks images with. */
export interface EngineLayers extends ImageLayers {
  /** The layers of the data root; absent where they go to a target of the caller's. */
  readonly store: LayerStore | undefined;
  /** Closes what was opened here. */
  close(): Promise<void>;
}

/** What is shared with the rest of the engine. */
export interface OpenLayersParts {
  readonly root: string;
  /** Brings all blobs. */
  readonly downloads: LayerDownloadManager;
  /** Told once what this host cannot make of layers. */
  readonly onLacking: (lacking: readonly string[]) => void;
}

/** What images are unpacked with, if they are; it is loaded only then. Throws the classes of `diskError`. */
export async function openLayers(
  layers: DistributionOptions["layers"],
  { root, downloads, onLacking }: OpenLayersParts,
): Promise<EngineLayers | undefined> {
  if (layers === undefined || layers === false) return undefined;
  if (layers !== true) return { store: undefined, ...at(layers, downloads), close: async () => {} };
  const { openLayerStore } = await import("../../layer/store/open-layer-store.ts");
  const store = await openLayerStore({ root, onLacking });
  return {
    store,
    ...at(layerTarget(store), downloads),
    settle: (chainIds) => store.settle(chainIds),
    close: () => store.close(),
  };
}

function at(target: LayerTarget, downloads: LayerDownloadManager): ImageLayers {
  return {
    downloads: downloads.registeringAt(target),
    getReady: () => target.getReady?.(),
    keep: async (config, chainId, options) => await target.keep?.(config, chainId, options),
  };
}
