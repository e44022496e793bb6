import { exportImage } from "../archive/export-image.ts";
import { importImages } from "../archive/import-images.ts";
import { type BackoffPolicy, DEFAULT_BACKOFF } from "../async/backoff.ts";
import { openLocalStore } from "../content/local-store.ts";
import { ErrInvalidArgument } from "../errors/classes.ts";
import { LayoutImageStore } from "../images/layout-image-store.ts";
import { reachableContent } from "../images/reachable.ts";
import { anonymous, type CredentialSource } from "../registry/credentials.ts";
import { dockerConfigCredentials } from "../registry/docker-config.ts";
import { checkRegistryOptions } from "../registry/lookup-endpoints.ts";
import { createTransport } from "../registry/transport.ts";
import { LayerDownloadManager } from "../xfer/download-manager.ts";
import { TransferManager } from "../xfer/transfer-manager.ts";
import type { Distribution } from "./distribution.ts";
import { silentLogger } from "./logger.ts";
import { OpenWork } from "./open-work.ts";
import type { DistributionOptions, DockerCredentials } from "./options.ts";
import { pull } from "./pull.ts";
import { removeImage } from "./remove-image.ts";
import { createRepositories } from "./repositories.ts";
import { RootLease } from "./root-lease.ts";

/** docker's default for `max-concurrent-downloads`. */
const DEFAULT_DOWNLOADS = 3;

/**
 * Opens a data root and everything that moves images into it: the composition root of drayage. The caller closes what it
 * gets. Throws `ErrInvalidArgument` for malformed options, and for a root that cannot be used `ErrFailedPrecondition` (a file,
 * a read-only disk), `ErrPermissionDenied` or `ErrResourceExhausted`.
 */
export async function openDistribution(options: DistributionOptions): Promise<Distribution> {
  const { root, registry = {}, logger = silentLogger() } = options;
  checkRegistryOptions(registry);
  const backoff = downloadBackoff(options);
  const downloads = new LayerDownloadManager({
    concurrency: options.maxConcurrentDownloads ?? DEFAULT_DOWNLOADS,
    backoff,
  });
  const documents = new TransferManager({ concurrency: 0 });
  const images = await LayoutImageStore.open(root); // from here on the disk is touched
  const content = await openLocalStore({ root });
  const transport = createTransport({ bodyIdleTimeoutMs: options.bodyIdleTimeoutMs });
  const repositories = createRepositories({
    registry,
    credentials: credentialSource(options.credentials),
    send: transport.send,
    backoff,
  });
  const lease = new RootLease(root);
  const engine = { content, images, documents, downloads, repositories, logger };
  const { events } = images;
  const work = new OpenWork();

  return {
    content,
    images,
    events,
    pull: (reference, pullOptions = {}) =>
      work.run(() =>
        lease.share(async () => {
          const result = await pull(engine, reference, pullOptions);
          for (const { name, target } of result.images) events.emit("pull", { name, digest: target.digest });
          return result;
        }, pullOptions),
      ),
    remove: (name, removeOptions = {}) =>
      work.run(async () => {
        const removed = await removeImage({ content, images, lease }, name, removeOptions);
        for (const digest of removed.deleted) events.emit("delete", { name: removed.untagged.name, digest });
        return removed;
      }),
    import: (source, importOptions = {}) =>
      work.run(() =>
        lease.share(() => importImages(source, { content, images, ...importOptions }), importOptions),
      ),
    export: (reference, target, exportOptions = {}) =>
      work.run(() =>
        lease.share(
          () => exportImage(reference, target, { content, images, ...exportOptions }),
          exportOptions,
        ),
      ),
    async sizeOf(target, sizeOptions = {}) {
      const reachable = await reachableContent(content, [target], sizeOptions);
      return [...reachable.values()].reduce((sum, size) => sum + size, 0);
    },
    setConcurrency(limits) {
      if (limits.downloads !== undefined) downloads.setConcurrency(limits.downloads);
    },
    close,
    [Symbol.asyncDispose]: close,
  };

  async function close(): Promise<void> {
    await work.close();
    await transport.close();
    await content.close();
    events.removeAllListeners();
  }
}

function downloadBackoff({ backoff, maxDownloadAttempts }: DistributionOptions): BackoffPolicy {
  const { maxAttempts } = DEFAULT_BACKOFF;
  const policy = { ...DEFAULT_BACKOFF, ...backoff, maxAttempts: maxDownloadAttempts ?? maxAttempts };
  if (policy.maxAttempts >= 1) return policy; // never true for NaN, which would mean "for ever"
  throw new ErrInvalidArgument(`open distribution: got ${maxDownloadAttempts} attempts, wanted at least 1`);
}

function credentialSource(source: CredentialSource | DockerCredentials = anonymous): CredentialSource {
  return typeof source === "function"
    ? source
    : dockerConfigCredentials({ configDir: source.dockerConfigDir });
}
