import { exists } from "../content/exists.ts";
import type { Store } from "../content/store.ts";
import { shortId } from "../digest/digest.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { update } from "../progress/progress.ts";
import { fetchContent } from "../remotes/fetch.ts";
import { transferKey, transferSource } from "../remotes/ref-key.ts";
import type { Remote } from "../remotes/remote.ts";
import type { DownloadDescriptor } from "../xfer/layer.ts";
import type { TransferContext } from "../xfer/transfer-context.ts";
import type { OpenWork } from "./open-work.ts";
import { incoming, type Traffic } from "./traffic.ts";

/** Where blobs come from and go to. */
export interface BlobSource {
  readonly content: Store;
  readonly remote: Remote;
  /** Counts the downloads, for whoever closes the store. */
  readonly work: OpenWork;
  readonly traffic: Traffic;
}

/** A layer as the download manager wants it: here registry, content store and transfers meet. */
export function blobDownload(layer: Descriptor, source: BlobSource): DownloadDescriptor {
  const { endpoint } = source.remote;
  const id = shortId(layer.digest);
  return {
    key: transferKey(layer),
    id,
    digest: layer.digest,
    source: transferSource(source.remote.source, layer),
    maxRetryAfterMs: source.remote.backoff.maxRetryAfterMs,
    exists: (options) => exists(source.content, layer, options),
    async download({ signal, waiter, progress }: TransferContext) {
      const fetched = fetchContent(layer, {
        fetcher: source.remote,
        ingester: source.content,
        endpoint,
        signal,
        waiter,
        onBytes: (bytes) => progress(update(id, "Downloading", bytes, layer.size)),
        onArrival: (arrival) => source.traffic.arrived(incoming(layer), { ...arrival, endpoint }),
        onVerify: () => progress(update(id, "Verifying Checksum", 0, 0)),
      });
      await source.work.track(fetched);
    },
  };
}
