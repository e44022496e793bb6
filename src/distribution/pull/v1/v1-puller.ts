import { boundedReads } from "../../../content/bounded-reads.ts";
import { writeBlob } from "../../../content/write-blob.ts";
import { digestOf } from "../../../digest/digest.ts";
import { ErrDataLoss, ErrNoSupport } from "../../../errors/classes.ts";
import type { ImageContent } from "../../../images/image-graph.ts";
import { inspectImage } from "../../../images/inspect-image.ts";
import type { Descriptor } from "../../../oci/descriptor.ts";
import { OCI_CONFIG, OCI_MANIFEST } from "../../../oci/media-types.ts";
import { v1ImageConfig } from "../../../oci/v1-image-config.ts";
import { message } from "../../../progress/progress.ts";
import { familiarName } from "../../../reference/familiar.ts";
import { blaming } from "../../../remotes/blame.ts";
import { v1LayerKey } from "../../../remotes/fetch-v1-layer.ts";
import { makeRefKey } from "../../../remotes/ref-key.ts";
import type { V1Image, V1Layer, V1Remote } from "../../../remotes/v1-remote.ts";
import type { Job } from "../../../xfer/job.ts";
import { yielding } from "../../../xfer/repeat-attempts.ts";
import { transferShared } from "../../../xfer/shared-transfer.ts";
import { type Operation, waiterOf } from "../../api/operation.ts";
import { NO_V1 } from "../../endpoints/no-v1.ts";
import { UnpackedImages } from "../../layers/unpacked-images.ts";
import { blobsHere } from "../blob-download.ts";
import { bringLayers } from "../bring-layers.ts";
import { nameImage } from "../name-image.ts";
import { contentsHere, namedContents } from "../planned-contents.ts";
import { platformWarnings } from "../platform-warnings.ts";
import { pullStatus } from "../pull-status.ts";
import type { PullContext, Puller, PullShared } from "../puller.ts";
import { type KnownV1Layer, knownV1Layer, v1LayerDownload } from "./v1-layer-download.ts";

/** What one pull works with at one endpoint of version 1. */
export type V1PullContext = Omit<PullContext, "remote"> & { readonly remote: V1Remote };

/**
 * Pulls images of one repository from one endpoint speaking version 1 (moby `v1Puller`): what that calls an image becomes an
 * OCI image of our own making, the same one each time. By digest it throws `ErrNoSupport`.
 */
export function v1Puller(context: V1PullContext): Puller {
  const { shared, remote, operation } = context;
  return async (reference) => {
    if (reference.digest !== undefined) {
      const details = { endpoint: remote.endpoint, reference: reference.toString() };
      throw new ErrNoSupport(NO_V1.pull, details);
    }
    const id = pullStatus.idOf(reference);
    const imageId = await remote.imageOf(reference, { ...operation, waiter: waiterOf(operation, id) });
    operation.onProgress(pullStatus.pullingFrom(reference));
    operation.onProgress(message(id, "Pulling dependent layers"));
    const v1Image = await describe(imageId, context);
    await checkConfig(v1Image, remote);
    const layers = await fetchLayers(v1Image.layers, context);
    const image = await storeImage(v1Image, layers, context);
    await context.progress.plan(reference.toString(), namedContents([image.manifest], [image]), (contents) =>
      contentsHere(contents, shared, operation),
    ); // nobody has said how large anything is before it was here
    const content = boundedReads(shared.content, shared.documentReaders);
    const inspected = await inspectImage(image, content, operation);
    await using unpacked = new UnpackedImages(context.layers);
    if (unpacked.isWanted && inspected.kind === "image") {
      const blobs = blobsHere(shared.content, image.layers, inspected.diffIds);
      await unpacked.unpack(image.config, blobs, operation);
      await unpacked.keep(operation);
    }
    operation.onProgress(pullStatus.digest(image.manifest.digest));
    const warnings = [
      ...platformWarnings([inspected], context.platform),
      ...unpacked.warnings,
      `${familiarName(reference)}: this image was pulled from a legacy registry.`,
    ];
    for (const warning of warnings) operation.onProgress(message("", warning));
    return { ...(await nameImage(reference, image.manifest, context)), kind: "image", warnings };
  };
}

/** Documents of an image; pulls that want the same one share them. */
async function describe(imageId: string, { shared, remote, operation }: V1PullContext): Promise<V1Image> {
  const fetch = (job: Job): Promise<V1Image> =>
    yielding(job, (signal) =>
      remote.image(imageId, {
        signal,
        waiter: job.waiter(imageId.slice(0, 12)),
        onDocument: () => job.moved(),
      }),
    );
  const { signal, onProgress, priority } = operation;
  return await transferShared(shared.documents, `v1-image-${remote.layersFrom}-${imageId}`, fetch, {
    signal,
    onProgress,
    priority,
    source: remote.source,
  });
}

/** What cannot become a config must not cost the download of its layers. */
async function checkConfig({ top, layers }: V1Image, { endpoint }: V1Remote): Promise<void> {
  const steps = layers.map(({ history }) => ({ history, diffId: digestOf("") }));
  await blaming(endpoint, async () => v1ImageConfig(top, steps));
}

async function fetchLayers(
  layers: readonly V1Layer[],
  { shared, remote, operation, account }: V1PullContext,
): Promise<readonly KnownV1Layer[]> {
  const { content, downloads, work, traffic, bandwidth, transfers, v1Layers, abandon } = shared;
  const source = { remote, content, work, traffic, bandwidth, transfers, v1Layers, abandon };
  for (const layer of layers) account.wants({ key: v1LayerKey(remote, layer) });
  const blobs = layers.map((layer) => v1LayerDownload(layer, source));
  await bringLayers(blobs, downloads, operation);
  return await Promise.all(
    layers.map(async (layer) => {
      const known = await knownV1Layer(layer, source, operation);
      if (known) {
        account.wants({ key: v1LayerKey(remote, layer), digest: known.digest });
        return known;
      }
      throw new ErrDataLoss(`pull layer ${layer.id}: it was changed by others`);
    }),
  );
}

/** Writes config and manifest of an image whose layers are here. */
async function storeImage(
  { top, layers: v1Layers }: V1Image,
  layers: readonly KnownV1Layer[],
  { shared, remote, operation }: V1PullContext,
): Promise<ImageContent> {
  const steps = layers.map(({ content: { diffId, isEmpty } }, at) => ({
    history: v1Layers[at]?.history ?? {},
    diffId: isEmpty ? undefined : diffId,
  }));
  const config = await blaming(remote.endpoint, async () => v1ImageConfig(top, steps));
  const described = layers.flatMap(({ digest, size, content: { mediaType, isEmpty } }) =>
    isEmpty ? [] : [{ mediaType, digest, size }],
  );
  const configDescriptor = await write(OCI_CONFIG, config, { shared, operation });
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: configDescriptor,
      layers: described,
    }),
  );
  return {
    manifest: await write(OCI_MANIFEST, manifest, { shared, operation }),
    config: configDescriptor,
    layers: described,
  };
}

async function write(
  mediaType: string,
  bytes: Uint8Array,
  { shared, operation }: { readonly shared: PullShared; readonly operation: Operation },
): Promise<Descriptor> {
  const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.byteLength };
  const { signal } = operation;
  await writeBlob(shared.content, makeRefKey(descriptor), bytes, { ...descriptor, signal });
  return descriptor;
}
