import { allOrAbort } from "../../async/all-or-abort.ts";
import { waitForRoom } from "../../async/turn-room.ts";
import { boundedReads } from "../../content/bounded-reads.ts";
import { exists } from "../../content/exists.ts";
import type { Digest } from "../../digest/digest.ts";
import { findError, isPermissionDenied } from "../../errors/predicates.ts";
import { withMessage } from "../../errors/with-message.ts";
import type { Handler } from "../../images/handler.ts";
import { collectImages, type ImageContent } from "../../images/image-graph.ts";
import { type Inspected, inspectImage } from "../../images/inspect-image.ts";
import { labelSources } from "../../images/source-label.ts";
import { withoutLayerBlobs } from "../../oci/annotations.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { message } from "../../progress/progress.ts";
import type { NormalizedReference } from "../../reference/reference.ts";
import { UnpackedImages } from "../layers/unpacked-images.ts";
import { incoming } from "../operations/traffic.ts";
import { verifyImage } from "../operations/verify-image.ts";
import { blobDownload } from "./blob-download.ts";
import { bringLayers } from "./bring-layers.ts";
import { BroughtContent } from "./brought-content.ts";
import { fetchDocument } from "./fetch-document.ts";
import { nameImage } from "./name-image.ts";
import { contentsHere, namedContents } from "./planned-contents.ts";
import { platformWarnings } from "./platform-warnings.ts";
import { isKnown, keepPromise, resolveTarget } from "./promised.ts";
import { pullStatus } from "./pull-status.ts";
import type { PullContext, Puller } from "./puller.ts";

/** Pulls images of one repository from one endpoint speaking the distribution API v2 (moby `v2Puller`). */
export function v2Puller(context: PullContext): Puller {
  const { operation } = context;
  return async (reference, told) => {
    const options = {
      blobsFollow: true,
      async isKnown(): Promise<boolean> {
        const known = await isKnown(reference, context);
        if (!known) context.layers?.getReady(); // they are likely to follow the document
        return known;
      },
    };
    const brought = context.verifiers ? new BroughtContent(context.shared) : undefined;
    const bring = (wanted: Descriptor): Promise<Graph> => fetchDocuments(wanted, brought, context);
    const {
      target,
      found: { documents, images },
    } = await operation.hurry(async () => {
      const promised = told ?? (await resolveTarget(reference, context, options));
      operation.onProgress(pullStatus.pullingFrom(reference));
      return told
        ? { target: told, found: await bring(told) } // its tag means nothing here
        : await keepPromise(reference, promised, bring, context);
    });
    await context.progress.plan(reference.toString(), namedContents(documents, images), (contents) =>
      contentsHere(contents, context.shared, operation),
    );
    await verify({ reference, target, images }, brought, context);
    await using unpacked = new UnpackedImages(context.layers);
    const inspected = await fetchBlobs(images, unpacked, context);
    await waitForRoom("finishes", operation);
    const dropped = await droppedLayers(images, { inspected, unpacked }, context);
    await recordSource(reference, [target, ...contentsOf(images)], dropped, context);
    operation.onProgress(pullStatus.digest(target.digest));
    const warnings = [...platformWarnings(inspected, context.platform), ...unpacked.warnings];
    for (const warning of warnings) operation.onProgress(message("", warning));
    await unpacked.keep(operation);
    await waitForRoom("finishes", operation);
    const isImage = inspected.some(({ kind }) => kind === "image");
    const named = dropped.length > 0 ? withoutLayerBlobs(target) : target;
    const result = await nameImage(reference, named, context);
    if (dropped.length > 0) await context.shared.abandon(dropped); // whatever else needs one keeps it
    return {
      ...result,
      kind: isImage ? "image" : "artifact",
      warnings,
    };
  };
}

/** What is below a target. */
interface Graph {
  /** Every document that was visited, from the target down. */
  readonly documents: readonly Descriptor[];
  readonly images: readonly ImageContent[];
}

async function fetchDocuments(
  target: Descriptor,
  brought: BroughtContent | undefined,
  context: PullContext,
): Promise<Graph> {
  const { shared, remote, operation, platform: choice, account } = context;
  const documents: Descriptor[] = [];
  const fetchEach: Handler = async (descriptor, { signal }) => {
    documents.push(descriptor);
    account.wants(incoming(descriptor));
    await brought?.expect(descriptor, signal);
    await fetchDocument(descriptor, signal, context);
    return [];
  };
  try {
    const images = await collectImages(
      target,
      {
        content: boundedReads(shared.content, shared.documentReaders),
        fetchDocument: fetchEach,
        choice,
      },
      operation,
    );
    return { documents, images };
  } catch (error) {
    throw servedBy(remote.endpoint, error);
  }
}

/** An image as it was found, which may have to be verified. */
interface FoundImage extends Pick<Graph, "images"> {
  readonly reference: NormalizedReference;
  readonly target: Descriptor;
}

/**
 * Brings the configs and asks everybody whether the image may come; nothing is asked of layers before. Documents that were not here and
 * that a refusal leaves without a use go when nobody works here.
 */
async function verify(
  { reference, target, images }: FoundImage,
  brought: BroughtContent | undefined,
  context: PullContext,
): Promise<void> {
  const { verifiers, remote, operation, shared } = context;
  if (!verifiers) return;
  const { endpoint } = remote;
  const content = boundedReads(shared.content, shared.documentReaders);
  const bringConfig = (image: ImageContent) => async (signal: AbortSignal) => {
    await brought?.expect(image.config, signal);
    return await fetchConfig(image, signal, context);
  };
  await allOrAbort(images.map(bringConfig), operation);
  const about = { purpose: "pull", reference: reference.toString(), target, endpoint } as const;
  try {
    await verifyImage({ ...about, images, content }, verifiers, operation.signal);
  } catch (error) {
    if (isPermissionDenied(error)) await brought?.abandon();
    throw error;
  }
}

/**
 * Configs and layers side by side; where images are unpacked, layers after the config, which says what they have to be. A
 * config that is none of an image ends the layers too, as nothing will be named.
 */
async function fetchBlobs(
  images: readonly ImageContent[],
  unpacked: UnpackedImages,
  context: PullContext,
): Promise<readonly Inspected[]> {
  const inspected: Inspected[] = [];
  const inspect = async (image: ImageContent, signal: AbortSignal): Promise<Inspected> => {
    const found = await fetchConfig(image, signal, context);
    inspected.push(found);
    return found;
  };
  const tasks = images.flatMap((image) =>
    unpacked.isWanted
      ? [
          async (signal: AbortSignal): Promise<void> => {
            const found = await inspect(image, signal);
            const diffIds = found.kind === "image" ? found.diffIds : [];
            if (diffIds.length > 0) await unpackLayers(image, { diffIds, unpacked, signal }, context);
            if (diffIds.length > 0 && !context.keepsBlobs) return;
            await fetchLayers(await withoutBlob(image.layers, signal, context), signal, context);
          },
        ]
      : [
          (signal: AbortSignal) => inspect(image, signal),
          (signal: AbortSignal) => fetchLayers(image.layers, signal, context),
        ],
  );
  await allOrAbort<unknown>(tasks, context.operation);
  return inspected;
}

async function unpackLayers(
  { config, layers }: ImageContent,
  {
    diffIds,
    unpacked,
    signal,
  }: {
    readonly diffIds: readonly Digest[];
    readonly unpacked: UnpackedImages;
    readonly signal: AbortSignal;
  },
  { shared, remote, operation, account, beside }: PullContext,
): Promise<void> {
  const { content, work, traffic, threads, ranges, bandwidth, transfers } = shared;
  const source = { content, remote, work, traffic, threads, ranges, bandwidth, transfers, beside };
  for (const layer of layers) account.wants(incoming(layer));
  const blobs = layers.map((layer, at) => blobDownload(layer, source, diffIds[at]));
  await unpacked.unpack(config, blobs, { ...operation, signal });
}

async function fetchConfig(
  image: ImageContent,
  signal: AbortSignal,
  context: PullContext,
): Promise<Inspected> {
  context.account.wants(incoming(image.config));
  await fetchDocument(image.config, signal, context);
  context.progress.came(image.config.digest);
  try {
    const { content, documentReaders } = context.shared;
    return await inspectImage(image, boundedReads(content, documentReaders), { signal });
  } catch (error) {
    throw servedBy(context.remote.endpoint, error);
  }
}

async function fetchLayers(
  layers: readonly Descriptor[],
  signal: AbortSignal,
  { shared, remote, operation, account, beside }: PullContext,
): Promise<void> {
  const { content, downloads, work, traffic, threads, ranges, bandwidth, transfers } = shared;
  const source = { content, remote, work, traffic, threads, ranges, bandwidth, transfers, beside };
  await waitForRoom("goesOn", { signal });
  for (const layer of layers) account.wants(incoming(layer));
  const blobs = layers.map((layer) => blobDownload(layer, source));
  await bringLayers(blobs, downloads, { ...operation, signal });
}

/** A layer that is registered already needs no blob, but the image's name promises it. */
async function withoutBlob(
  layers: readonly Descriptor[],
  signal: AbortSignal,
  { shared }: PullContext,
): Promise<readonly Descriptor[]> {
  const missing: Descriptor[] = [];
  for (const layer of layers) if (!(await exists(shared.content, layer, { signal }))) missing.push(layer);
  return missing;
}

/**
 * The layers whose blobs the name will not need. None where all are wanted, where not all below the name are images that are
 * unpacked, and where unpacked layers may not survive: then those that are not here are fetched.
 */
async function droppedLayers(
  images: readonly ImageContent[],
  { inspected, unpacked }: { readonly inspected: readonly Inspected[]; readonly unpacked: UnpackedImages },
  context: PullContext,
): Promise<readonly Digest[]> {
  if (context.keepsBlobs) return [];
  const { onProgress } = context.operation;
  const isUnpacked = inspected.every((found) => found.kind === "image" && found.diffIds.length > 0);
  const layers = images.flatMap((image) => image.layers);
  if (isUnpacked && (await unpacked.settle())) return [...new Set(layers.map(({ digest }) => digest))];
  const reason = isUnpacked
    ? "unpacked layers cannot be made to survive a power cut"
    : "not all of it is unpacked";
  onProgress(message("", `Keeping the blobs of the layers: ${reason}`));
  const signal = context.operation.signal ?? new AbortController().signal;
  await fetchLayers(await withoutBlob(layers, signal, context), signal, context);
  return [];
}

/** Content says on its labels where it came from; of layers without a blob it is remembered beside. */
async function recordSource(
  reference: NormalizedReference,
  contents: readonly Descriptor[],
  dropped: readonly Digest[],
  { shared, operation }: PullContext,
): Promise<void> {
  const digests = new Set(contents.map(({ digest }) => digest));
  for (const digest of dropped) digests.delete(digest);
  const onFailure = (error: unknown): void =>
    shared.logger.warn(
      { err: error, reference: reference.toString() },
      "where the content came from was not recorded",
    );
  const { domain: host, path: repository } = reference;
  const options = { host, repository, turns: shared.labelTurns, onFailure };
  await labelSources(shared.content, [...digests], options, operation);
  try {
    const source = { repository: `${host}/${repository}`, hmac: "" };
    for (const digest of dropped) await shared.mountSources.add(digest, source, operation);
  } catch (error) {
    if (operation.signal?.aborted) throw error;
    onFailure(error);
  }
}

function contentsOf(images: readonly ImageContent[]): readonly Descriptor[] {
  return images.flatMap(({ manifest, config, layers }) => [manifest, config, ...layers]);
}

/** A malformed document, or an index without the platform, is the word of its endpoint: a mirror's may be out of date. */
function servedBy(endpoint: string, error: unknown): unknown {
  const found = findError(error);
  if (found === undefined || found.endpoint !== undefined) return error;
  const isItsWord = ["ERR_INVALID_ARGUMENT", "ERR_NOT_FOUND", "ERR_NOT_IMPLEMENTED"].includes(found.code);
  return isItsWord ? withMessage(found, found.message, { endpoint }) : error;
}
