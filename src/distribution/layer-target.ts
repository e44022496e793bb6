import { ErrInternal } from "../errors/classes.ts";
import type { MakeLayerOptions } from "../layer/store/layer-maker.ts";
import type { LayerStore } from "../layer/store/layer-store.ts";
import type { LayerSource } from "../layer/store/prepared-layer.ts";
import { update } from "../progress/progress.ts";
import type { DownloadDescriptor, LayerTarget } from "../xfer/layer.ts";
import type { TransferContext } from "../xfer/transfer-context.ts";
import { imageUser } from "./image-layers.ts";

/** Where downloaded blobs become layers of a store: here transfers and layers meet. */
export function layerTarget(store: LayerStore): LayerTarget {
  return {
    get: (chainId, options) => store.get(chainId, options),
    prepare: (blob, place, context) =>
      withSource(blob, context, (source, options) => store.prepare(source, place, options)),
    register: (blob, place, context) =>
      withSource(blob, context, (source, options) => store.register(source, place, options)),
    keep: (config, chainId, options) => store.use(imageUser(config), chainId, options),
    release: (layer) => store.release(layer),
  };
}

/** The blob, open as long as `work` makes a layer of it. */
async function withSource<T>(
  blob: DownloadDescriptor,
  { signal, progress, waiter }: TransferContext,
  work: (source: LayerSource, options: MakeLayerOptions) => Promise<T>,
): Promise<T> {
  const { id, diffId, digest } = blob;
  await using bytes = await blob.open?.({ signal });
  if (!diffId || !bytes) throw new ErrInternal(`register layer ${id}: its diffID or its blob is not known`);
  const { path, size } = bytes;
  const onBytes = (done: number): void => progress(update(id, "Extracting", done, size));
  const source = { diffId, digest, blob: path === undefined ? { bytes } : { path } };
  return await work(source, { signal, waiter, onBytes });
}
