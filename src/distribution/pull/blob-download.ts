import type { AbortOptions } from "../../async/abort.ts";
import type { Bandwidth } from "../../bandwidth/bandwidth.ts";
import type { Flow } from "../../bandwidth/flow.ts";
import { givingWay } from "../../bandwidth/giving-way.ts";
import { exists } from "../../content/exists.ts";
import { readVerified } from "../../content/read-verified.ts";
import type { BlobReference, Provider, Store } from "../../content/store.ts";
import { type Digest, shortId } from "../../digest/digest.ts";
import { ErrNotFound } from "../../errors/classes.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { update } from "../../progress/progress.ts";
import { MAX_BRIEF_BYTES } from "../../registry/pull/open-blob.ts";
import type { RangeSource } from "../../remotes/ranges/range-sources.ts";
import type { Ranges } from "../../remotes/ranges/ranges.ts";
import { transferKey, transferSource } from "../../remotes/ref-key.ts";
import type { Remote } from "../../remotes/remote.ts";
import type { TransferThreads } from "../../remotes/threads/transfer-threads.ts";
import type { BlobBytes, DownloadContext, DownloadDescriptor } from "../../xfer/layer.ts";
import type { HookedTransfers } from "../operations/hooked-transfers.ts";
import { limitedHost } from "../operations/limited-host.ts";
import type { OpenWork } from "../operations/open-work.ts";
import { incoming, type Traffic } from "../operations/traffic.ts";
import { tracedFetch } from "./traced-fetch.ts";

/**
 * Size in bytes from which others may read a blob while it comes: a smaller one is unpacked in some ten milliseconds once it is
 * here, which is not worth a thread that waits for it meanwhile.
 */
const MIN_FOLLOWED_BYTES = 1024 * 1024;

/**
 * Size in bytes from which a blob fills a line by itself; a smaller one takes less time than the round trip that it is asked for
 * with, at 100 MB/s and 40 ms.
 */
const LARGE_BYTES = 4 * 1024 * 1024;

/** Where blobs come from and go to. */
export interface BlobSource {
  readonly content: Store;
  readonly remote: Remote;
  /** Counts the downloads, for whoever closes the store. */
  readonly work: OpenWork;
  readonly traffic: Traffic;
  readonly threads: TransferThreads;
  /** How large blobs come in ranges; `undefined`: they do not. */
  readonly ranges: Ranges | undefined;
  /** Opens other endpoints that may have them as well. */
  readonly beside?: (() => Promise<readonly RangeSource[]>) | undefined;
  readonly bandwidth: Bandwidth;
  /** What the engine calls around transfers. */
  readonly transfers: HookedTransfers;
}

/**
 * A layer as the download manager wants it: here registry, content store and transfers meet.
 * @param diffId digest of the uncompressed layer, where it is to be registered
 */
export function blobDownload(layer: Descriptor, source: BlobSource, diffId?: Digest): DownloadDescriptor {
  const { endpoint } = source.remote;
  const { digest } = layer;
  const subject = { id: shortId(digest), digest };
  return {
    key: transferKey(layer),
    ...subject,
    diffId,
    source: transferSource(source.remote.source, layer),
    host: endpoint,
    isLarge: layer.size >= LARGE_BYTES,
    isBrief: layer.size <= MAX_BRIEF_BYTES,
    maxRetryAfterMs: source.remote.backoff.maxRetryAfterMs,
    exists: (options) => exists(source.content, layer, options),
    open: (options) => openBlob(source.content, layer, options),
    async download({ signal, waiter, payers, progress, growth, received }: DownloadContext) {
      const { bandwidth } = source;
      const host = limitedHost(endpoint);
      const flowFrom = (origin: string): Flow =>
        bandwidth.flow({ direction: "down", host: origin === endpoint ? host : limitedHost(origin), payers });
      // What others read along, in threads that they hold, must not stand still.
      const followed = layer.size >= MIN_FOLLOWED_BYTES && !payers.isYielding ? growth : undefined;
      const fetch = (flow: Flow, signal: AbortSignal): Promise<boolean> =>
        source.work.track(
          tracedFetch(layer, {
            transfers: source.transfers,
            fetcher: source.remote,
            ingester: source.content,
            endpoint,
            signal,
            waiter,
            onBytes: (bytes) => progress(update(subject, "Downloading", bytes, layer.size)),
            onArrival: (arrival) => source.traffic.arrived(incoming(layer), { ...arrival, endpoint }),
            growth: followed,
            threads: source.threads,
            ranges: payers.isYielding ? undefined : source.ranges, // nobody waits for it
            beside: source.beside,
            flow,
            flowBeside: flowFrom,
            onVerify() {
              received();
              progress(update(subject, "Verifying Checksum", 0, 0));
            },
          }),
        );
      if (payers.isYielding) await givingWay({ bandwidth, host, payers, waiter, signal }, fetch);
      else await fetch(flowFrom(endpoint), signal);
    },
  };
}

/** The same for layers whose blobs are here, and that nobody is asked for: those of which the diffID is known. */
export function blobsHere(
  content: Store,
  layers: readonly Descriptor[],
  diffIds: readonly Digest[],
): readonly DownloadDescriptor[] {
  return layers.flatMap((layer, at) => {
    const diffId = diffIds[at];
    return diffId ? [blobHere(content, layer, diffId)] : [];
  });
}

function blobHere(content: Store, layer: Descriptor, diffId: Digest): DownloadDescriptor {
  return {
    key: transferKey(layer),
    id: shortId(layer.digest),
    digest: layer.digest,
    diffId,
    exists: (options) => exists(content, layer, options),
    open: (options) => openBlob(content, layer, options),
    async download() {
      throw new ErrNotFound(`layer ${layer.digest} is not here`, { digest: layer.digest });
    },
  };
}

/** A blob that is here: its file where it has one, or else its bytes, verified. The caller closes it. Throws as `readerAt` does. */
export async function openBlob(
  content: Provider,
  layer: BlobReference,
  options?: AbortOptions,
): Promise<BlobBytes> {
  const reader = await content.readerAt(layer, options);
  return {
    size: reader.size,
    path: reader.path,
    [Symbol.asyncIterator]: () => readVerified(content, layer, options),
    [Symbol.asyncDispose]: () => reader.close(),
  };
}
