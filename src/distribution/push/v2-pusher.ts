import type { Limiter } from "../../async/semaphore.ts";
import { boundedReads } from "../../content/bounded-reads.ts";
import type { Store } from "../../content/store.ts";
import { shortId } from "../../digest/digest.ts";
import { ErrInvalidArgument } from "../../errors/classes.ts";
import { collectImages, type PlatformChoice } from "../../images/image-graph.ts";
import type { LabelTurns } from "../../images/label-turns.ts";
import { labelSources } from "../../images/source-label.ts";
import { needsLayerBlobs } from "../../oci/annotations.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { NormalizedReference } from "../../reference/reference.ts";
import { pushContent } from "../../remotes/push-content.ts";
import { presenceHandler } from "../../remotes/push-plan.ts";
import type { Pusher as RemotePusher } from "../../remotes/pusher.ts";
import type { PushedImage } from "../api/distribution.ts";
import type { Logger } from "../api/logger.ts";
import { type Operation, waiterOf } from "../api/operation.ts";
import { explainingLack } from "../layers/only-unpacked.ts";
import type { MountSourceStore } from "../mounts/mount-source-store.ts";
import type { OutgoingAccount } from "../operations/traffic.ts";
import { layerIdsOf, layerLines } from "./push-lines.ts";
import type { PushProgress } from "./push-progress.ts";
import type { NamedPush } from "./push-reference.ts";
import { pushStatus } from "./push-status.ts";
import { tellingPlan, tellingPusher, type UploadShared, uploadBlobs } from "./upload-blobs.ts";

/** The parts of an engine that all pushes share. */
export interface PushShared extends UploadShared {
  readonly content: Store;
  /** How many manifests, indexes and configs of the store are open at once. */
  readonly documentReaders: Limiter;
  /** Which repositories have layers that are here only unpacked. */
  readonly mountSources: MountSourceStore;
  readonly labelTurns: LabelTurns;
  readonly logger: Logger;
}

/** What one push works with at one endpoint. */
export interface PushContext {
  readonly shared: PushShared;
  readonly remote: RemotePusher;
  readonly operation: Operation;
  /** Absent: everything that the name points at. */
  readonly platform: PlatformChoice | undefined;
  /** Of what endpoints take of this push. */
  readonly account: OutgoingAccount;
  /** Told how far it is. */
  readonly progress: PushProgress;
}

/** Pushes what a name points at and gives it the tag of its target, or none when that has no tag. */
export type Pusher = (push: NamedPush) => Promise<Omit<PushedImage, "endpoint">>;

/** Pushes images to one repository at one endpoint speaking the distribution API v2 (moby `v2Pusher`). */
export function v2Pusher(context: PushContext): Pusher {
  const { shared, operation } = context;
  return async ({ image, target }) => {
    const pusher = tellingPusher(target, context);
    const root = await wanted(image.target, context);
    const { tag, digest } = target;
    if (digest !== undefined && digest !== root.digest) {
      const message = `push ${target.toString()}: got ${root.digest} to push`;
      throw new ErrInvalidArgument(message, { digest: root.digest });
    }
    const content = boundedReads(shared.content, shared.documentReaders);
    const onProgress = layerLines(await layerIdsOf(root, content, operation), operation.onProgress);
    const uploading = { ...context, remote: pusher, operation: { ...operation, onProgress } };
    const ofStore = { source: pusher.source, contentFor: () => shared.content };
    const upload = (blobs: readonly Descriptor[]) => uploadBlobs(blobs, target, ofStore, uploading);
    const mayLackLayers = !needsLayerBlobs(image.target);
    const pushBlobs = (blobs: readonly Descriptor[]) =>
      mayLackLayers ? explainingLack(shared, image, { action: "push" }, () => upload(blobs)) : upload(blobs);
    const waiter = ({ digest }: Descriptor, signal: AbortSignal | undefined) =>
      waiterOf(operation, shortId(digest), { signal });
    const onPlan = tellingPlan(root, target, context);
    const pushing = { pusher, content, tag, onPlan, pushBlobs, mayLackLayers, waiterOf: waiter };
    await pushContent(root, pushing, operation);
    operation.onProgress(pushStatus.done(tag ?? root.digest, root));
    await recordSource(root, target, context);
    return { name: target.toString(), target: root };
  };
}

/** The image says on its labels where it may be had from now on, as after a pull. */
async function recordSource(
  { digest }: Descriptor,
  { domain: host, path: repository }: NormalizedReference,
  { shared, operation }: PushContext,
): Promise<void> {
  const onFailure = (err: unknown): void =>
    shared.logger.debug({ err, digest }, "where the content was pushed to was not recorded");
  const source = { host, repository, turns: shared.labelTurns, onFailure };
  try {
    await labelSources(shared.content, [digest], source, operation);
  } catch (error) {
    onFailure(error); // it is there, whatever becomes of the knowledge
  }
}

/** The image itself, or the one manifest of it for the platform asked for. */
async function wanted(target: Descriptor, { shared, operation, platform }: PushContext): Promise<Descriptor> {
  if (!platform) return target;
  const content = boundedReads(shared.content, shared.documentReaders);
  const [image] = await collectImages(
    target,
    { content, fetchDocument: presenceHandler(content), choice: platform },
    operation,
  );
  return image?.manifest ?? target;
}
