import { allOrAbort } from "../async/all-or-abort.ts";
import { retry } from "../async/retry.ts";
import type { Store } from "../content/store.ts";
import { ErrNotImplemented } from "../errors/classes.ts";
import { findError } from "../errors/predicates.ts";
import { withMessage } from "../errors/with-message.ts";
import type { Handler } from "../images/handler.ts";
import { collectImages, type ImageContent, type PlatformChoice } from "../images/image-graph.ts";
import type { ImageStore } from "../images/image-store.ts";
import { sourceLabelHandler } from "../images/source-label.ts";
import { walk } from "../images/walk.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { isIndexType, isManifestType, isSchema1Type } from "../oci/media-types.ts";
import type { ProgressSink } from "../progress/progress.ts";
import type { NormalizedReference } from "../reference/reference.ts";
import { fetchContent } from "../remotes/fetch.ts";
import { makeRefKey } from "../remotes/ref-key.ts";
import type { Remote } from "../remotes/remote.ts";
import type { LayerDownloadManager } from "../xfer/download-manager.ts";
import type { Job } from "../xfer/job.ts";
import { transferShared } from "../xfer/shared-transfer.ts";
import type { TransferManager } from "../xfer/transfer-manager.ts";
import { blobDownload } from "./blob-download.ts";
import type { PulledImage } from "./distribution.ts";
import type { OpenWork } from "./open-work.ts";
import { pullStatus } from "./pull-status.ts";

/** The parts of an engine that all pulls share. */
export interface PullShared {
  readonly content: Store;
  readonly images: ImageStore;
  /** Transfers of manifests, indexes and configs: small, never queued behind layers. */
  readonly documents: TransferManager;
  /** Transfers of layers. */
  readonly downloads: LayerDownloadManager;
  /** Counts what is fetched. */
  readonly work: OpenWork;
}

/** What one pull wants. */
export interface PullRequest {
  readonly platform: PlatformChoice;
  readonly priority: number;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ProgressSink;
}

/** Pulls images of one repository from one endpoint speaking the distribution API v2 (moby `v2Puller`). */
export class V2Puller {
  readonly #shared: PullShared;
  readonly #remote: Remote;
  readonly #request: PullRequest;

  constructor(shared: PullShared, remote: Remote, request: PullRequest) {
    this.#shared = shared;
    this.#remote = remote;
    this.#request = request;
  }

  /** Brings one tag or digest into the store and names it. */
  async pull(reference: NormalizedReference): Promise<PulledImage> {
    const target = await this.#resolve(reference);
    this.#request.onProgress(pullStatus.pullingFrom(reference));
    const images = await this.#fetchDocuments(target);
    await this.#fetchBlobs(images);
    await this.#recordSource(reference, target, images);
    this.#request.onProgress(pullStatus.digest(target.digest));
    return await this.#name(reference, target);
  }

  async #resolve(reference: NormalizedReference): Promise<Descriptor> {
    const target = await this.#remote.resolve(reference, this.#request);
    const { mediaType, digest } = target;
    if (isManifestType(mediaType) || isIndexType(mediaType)) return target;
    const reason = isSchema1Type(mediaType)
      ? "docker schema 1 is not supported"
      : "unsupported manifest format";
    throw new ErrNotImplemented(`pull ${reference.toString()}: got ${mediaType}, ${reason}`, { digest });
  }

  async #fetchDocuments(target: Descriptor): Promise<readonly ImageContent[]> {
    const { content } = this.#shared;
    const fetchDocument: Handler = async (descriptor, { signal }) => {
      await this.#fetchDocument(descriptor, signal);
      return [];
    };
    const { platform: choice, signal } = this.#request;
    try {
      return await collectImages(target, { content, fetchDocument, choice }, { signal });
    } catch (error) {
      throw servedBy(this.#remote.endpoint, error);
    }
  }

  async #fetchBlobs(images: readonly ImageContent[]): Promise<void> {
    const tasks = images.flatMap(({ config, layers }) => [
      (signal: AbortSignal) => this.#fetchDocument(config, signal),
      (signal: AbortSignal) => this.#fetchLayers(layers, signal),
    ]);
    await allOrAbort(tasks, this.#request);
  }

  /** One manifest, index or config; pulls that want the same one share a transfer. */
  async #fetchDocument(descriptor: Descriptor, signal: AbortSignal | undefined): Promise<void> {
    const fetcher = this.#remote;
    const { endpoint } = fetcher;
    const { content: ingester, documents, work } = this.#shared;
    const fetchOnce = (job: Job): Promise<boolean> =>
      work.track(fetchContent(descriptor, { fetcher, ingester, endpoint, signal: job.signal }));
    await transferShared(
      documents,
      makeRefKey(descriptor),
      (job) => retry(() => fetchOnce(job), { policy: fetcher.backoff, signal: job.signal }),
      { signal },
    );
  }

  async #fetchLayers(layers: readonly Descriptor[], signal: AbortSignal): Promise<void> {
    const { content, downloads, work } = this.#shared;
    const { onProgress, priority } = this.#request;
    const blobs = layers.map((layer) => blobDownload(layer, { content, remote: this.#remote, work }));
    const download = await downloads.download(blobs, { signal, onProgress, priority });
    await download.release();
  }

  async #recordSource(
    reference: NormalizedReference,
    target: Descriptor,
    images: readonly ImageContent[],
  ): Promise<void> {
    const label = sourceLabelHandler(this.#shared.content, reference.domain, reference.path);
    const visited = images.flatMap(({ manifest, config, layers }) => [manifest, config, ...layers]);
    await walk(label, [target, ...visited], this.#request);
  }

  async #name(reference: NormalizedReference, target: Descriptor): Promise<PulledImage> {
    const name = reference.toString();
    const { data: _, ...named } = target; // the bytes are in the store now
    const before = await this.#shared.images.tag(name, named, this.#request);
    return { name, target: named, updated: before?.digest !== target.digest };
  }
}

/** A malformed document, or an index without the platform, is the word of its endpoint: a mirror's may be out of date. */
function servedBy(endpoint: string, error: unknown): unknown {
  const found = findError(error);
  if (found === undefined || found.endpoint !== undefined) return error;
  if (found.code !== "ERR_INVALID_ARGUMENT" && found.code !== "ERR_NOT_FOUND") return error;
  return withMessage(found, found.message, { endpoint });
}
