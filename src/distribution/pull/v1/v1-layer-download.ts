import { notOfLayers, readCompression, readLayer } from "../../../archive/read-layer.ts";
import type { AbortOptions } from "../../../async/abort.ts";
import type { Bandwidth } from "../../../bandwidth/bandwidth.ts";
import { exists } from "../../../content/exists.ts";
import type { Store } from "../../../content/store.ts";
import { CANONICAL_ALGORITHM, type Digest, Digester } from "../../../digest/digest.ts";
import { ErrDataLoss } from "../../../errors/classes.ts";
import { findError, isDataLoss } from "../../../errors/predicates.ts";
import { withMessage } from "../../../errors/with-message.ts";
import type { Compression } from "../../../layer/decompress/compression.ts";
import { OCI_LAYER, OCI_LAYER_GZIP, OCI_LAYER_ZSTD } from "../../../oci/media-types.ts";
import { update } from "../../../progress/progress.ts";
import { type FetchedV1Layer, fetchV1Layer, v1LayerKey } from "../../../remotes/fetch-v1-layer.ts";
import type { V1Layer, V1Remote } from "../../../remotes/v1-remote.ts";
import type { DownloadDescriptor } from "../../../xfer/layer.ts";
import type { MovingContext } from "../../../xfer/transfer-context.ts";
import type { HookedTransfers } from "../../operations/hooked-transfers.ts";
import { limitedHost } from "../../operations/limited-host.ts";
import type { OpenWork } from "../../operations/open-work.ts";
import type { Traffic } from "../../operations/traffic.ts";
import type { V1LayerContent, V1LayerRecord, V1LayerStore } from "../../root/v1-layer-store.ts";

/** Where layers of version 1 come from and go to. */
export interface V1LayerSource {
  readonly remote: V1Remote;
  readonly content: Store;
  /** Which content the layers are. */
  readonly v1Layers: V1LayerStore;
  /** Counts the downloads, for whoever closes the store. */
  readonly work: OpenWork;
  readonly traffic: Traffic;
  readonly bandwidth: Bandwidth;
  /** What the engine calls around transfers. */
  readonly transfers: HookedTransfers;
  /** Remembers content that is of no use, to be removed once nobody works here. */
  readonly abandon: (digests: readonly Digest[]) => Promise<void>;
}

/** A layer of version 1 that is here, and was read through. */
export type KnownV1Layer = V1LayerRecord & { readonly content: V1LayerContent };

const MEDIA_TYPES: Readonly<Record<Compression, string | undefined>> = {
  none: OCI_LAYER,
  gzip: OCI_LAYER_GZIP,
  zstd: OCI_LAYER_ZSTD,
  xz: undefined,
  bzip2: undefined,
};

/** A layer of version 1 as the download manager wants it. What it brought is to be had by `knownV1Layer`. */
export function v1LayerDownload(layer: V1Layer, source: V1LayerSource): DownloadDescriptor {
  const { remote, work } = source;
  return {
    key: v1LayerKey(remote, layer),
    id: layer.id.slice(0, 12),
    source: remote.source,
    maxRetryAfterMs: remote.backoff.maxRetryAfterMs,
    exists: async (options) => (await knownV1Layer(layer, source, options)) !== undefined,
    download: (context) => work.track(download(layer, source, context)),
  };
}

/** What is known of a layer that is here, if the registry says nothing else of it by now. */
export async function knownV1Layer(
  layer: V1Layer,
  { remote, content: store, v1Layers }: V1LayerSource,
  options?: AbortOptions,
): Promise<KnownV1Layer | undefined> {
  const record = await v1Layers.find(v1LayerKey(remote, layer), options);
  const content = record?.content;
  if (!content || !fits(record, layer) || !hasSum(content, layer)) return undefined;
  return content.isEmpty || (await exists(store, record, options)) ? { ...record, content } : undefined;
}

async function download(layer: V1Layer, source: V1LayerSource, context: MovingContext): Promise<void> {
  const fetched = (await received(layer, source)) ?? (await receive(layer, source, context));
  const { digest, size, resumed } = fetched;
  context.progress(update(layer.id.slice(0, 12), "Verifying Checksum", 0, 0));
  const key = v1LayerKey(source.remote, layer);
  try {
    const content = await read(layer, { ...source, fetched }, context);
    if (content.isEmpty) await source.abandon([digest]);
    await source.v1Layers.remember(key, { digest, size, content });
  } catch (error) {
    const found = findError(error);
    if (found?.endpoint === undefined) throw error;
    source.traffic.arrived({ key }, { endpoint: source.remote.endpoint, from: 0, to: 0 });
    await source.v1Layers.forget(key);
    await source.abandon([digest]);
    // After a resume the first part may be the wrong one: once more from the start.
    throw withMessage(found, found.message, { retryable: resumed && isDataLoss(found) });
  }
}

/** What came before and was not read through, because the process or the attempt ended. */
async function received(
  layer: V1Layer,
  { remote, content, v1Layers }: V1LayerSource,
): Promise<FetchedV1Layer | undefined> {
  const record = await v1Layers.find(v1LayerKey(remote, layer));
  if (!record || !fits(record, layer) || !(await exists(content, record))) return undefined;
  return { ...record, resumed: true };
}

async function receive(
  layer: V1Layer,
  source: V1LayerSource,
  { signal, waiter, payers, progress }: MovingContext,
): Promise<FetchedV1Layer> {
  const { remote, content: ingester, v1Layers, traffic, bandwidth, transfers } = source;
  const { endpoint } = remote;
  const id = layer.id.slice(0, 12);
  const about = { digest: undefined, mediaType: undefined, size: layer.size, endpoint } as const;
  return await transfers.run({ ...about, direction: "down" }, { signal, waiter }, async (one) => {
    await one.begin();
    return await fetchV1Layer(layer, {
      remote,
      ingester,
      signal,
      waiter,
      flow: bandwidth.flow({ direction: "down", host: limitedHost(endpoint), payers }),
      already: () => received(layer, source),
      remember: ({ digest, size }) => v1Layers.remember(v1LayerKey(remote, layer), { digest, size }),
      onArrival: (arrival) => traffic.arrived({ key: v1LayerKey(remote, layer) }, { ...arrival, endpoint }),
      onBytes(bytes, size = 0) {
        one.bytes = bytes;
        progress(update(id, "Downloading", bytes, size));
      },
    });
  });
}

/**
 * What a layer is. Throws `ErrDataLoss` and `ErrNotImplemented`, blamed on the endpoint, for what is not the right
 * one or none.
 */
async function read(
  { id, json, checksums }: V1Layer,
  { content, remote: { endpoint }, fetched }: V1LayerSource & { readonly fetched: FetchedV1Layer },
  { signal }: AbortOptions,
): Promise<V1LayerContent> {
  const action = `read layer ${id}`;
  const { digest } = fetched;
  // No program is run for what a stranger sends.
  const compression = await readCompression(content, fetched);
  const mediaType = MEDIA_TYPES[compression];
  if (mediaType === undefined) throw notOfLayers(compression, { action, digest, endpoint });
  const digester = new Digester();
  digester.update(json);
  digester.update(Buffer.from("\n"));
  const { diffId, isEmpty } = await readLayer(content, fetched, {
    action,
    algorithm: CANONICAL_ALGORITHM,
    endpoint,
    onBytes: (bytes) => digester.update(bytes),
    signal,
  });
  const found = { mediaType, diffId, isEmpty, sum: digester.digest() };
  if (hasSum(found, { checksums })) return found;
  const message = `verify layer ${id}: got checksum ${found.sum}, wanted ${checksums.join(" or ")}`;
  throw new ErrDataLoss(message, { endpoint });
}

function fits({ size }: V1LayerRecord, layer: V1Layer): boolean {
  return layer.size === undefined || layer.size === size;
}

/** Whether content has one of the checksums that the registry gives, if it gives any. */
function hasSum({ sum }: V1LayerContent, { checksums }: Pick<V1Layer, "checksums">): boolean {
  return checksums.length === 0 || checksums.includes(sum);
}
