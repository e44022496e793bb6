import type { Bandwidth } from "../../bandwidth/bandwidth.ts";
import { type Digest, shortId } from "../../digest/digest.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { type StepSink, update } from "../../progress/progress.ts";
import { trimNamed } from "../../reference/derive.ts";
import type { NormalizedReference } from "../../reference/reference.ts";
import type { PushPlan } from "../../remotes/push-plan.ts";
import type { Pusher } from "../../remotes/pusher.ts";
import type { PushedContent } from "../../remotes/refused-bytes.ts";
import type { Source } from "../../remotes/source.ts";
import type { MovingContext } from "../../xfer/transfer-context.ts";
import type { UploadDescriptor } from "../../xfer/upload.ts";
import type { LayerUploadManager } from "../../xfer/upload-manager.ts";
import type { Operation } from "../api/operation.ts";
import type { HookedTransfers } from "../operations/hooked-transfers.ts";
import { limitedHost } from "../operations/limited-host.ts";
import { noteBytes, tracedTransfer } from "../operations/traced-transfer.ts";
import type { OutgoingAccount, Traffic } from "../operations/traffic.ts";
import type { PushProgress } from "./push-progress.ts";
import { pushStatus } from "./push-status.ts";

/** The parts of an engine that send blobs. */
export interface UploadShared {
  readonly uploads: LayerUploadManager;
  /** Told which endpoint takes what. */
  readonly traffic: Traffic;
  /** How fast blobs may go. */
  readonly bandwidth: Bandwidth;
  /** What the engine calls around transfers. */
  readonly transfers: HookedTransfers;
}

/** To whom blobs are sent, and for whom. */
export interface UploadContext {
  readonly shared: UploadShared;
  readonly remote: Pusher;
  readonly operation: Operation;
  /** Of what endpoints take. */
  readonly account: OutgoingAccount;
  /** Told how far contents are. */
  readonly progress: PushProgress;
}

/** Where the bytes of blobs are. */
export interface BlobBytesSource {
  /** Whom a failed upload is blamed on: whoever gets the bytes, and whoever has them if that may fail as well. */
  readonly source: Source;
  /** What one attempt reads them from. */
  readonly contentFor: (attempt: Omit<MovingContext, "progress">) => PushedContent;
}

/** `remote`, of which is told what its endpoint takes. */
export function tellingPusher(
  target: NormalizedReference,
  {
    shared,
    remote,
    account,
    progress,
  }: Pick<UploadContext, "remote" | "account" | "progress"> & { shared: Pick<UploadShared, "traffic"> },
): Pusher {
  const { endpoint, source } = remote;
  return {
    endpoint,
    source,
    abandon: (descriptor) => remote.abandon(descriptor),
    async push(descriptor, content, options) {
      const key = pushKey(target, descriptor);
      account.wants(key);
      const outcome = await remote.push(descriptor, content, options);
      progress.arrived(descriptor.digest, outcome.kind);
      if (outcome.kind !== "exists") {
        const { kind: how, ...more } = outcome;
        shared.traffic.taken(key, { digest: descriptor.digest, endpoint, how, ...more });
      }
      return outcome;
    },
  };
}

/** What tells the plan of a graph that is sent to a repository. */
export function tellingPlan(
  { digest: root }: Descriptor,
  target: NormalizedReference,
  {
    shared,
    remote,
    progress,
  }: Pick<UploadContext, "remote" | "progress"> & { shared: Pick<UploadShared, "uploads"> },
): (plan: PushPlan) => void {
  const isComing = (digest: Digest): boolean => shared.uploads.has(pushKey(target, { digest }));
  return (plan) => progress.plan(root, plan, { endpoint: remote.endpoint, isComing });
}

/** Equal keys are the same content on its way to the same repository. */
function pushKey(target: NormalizedReference, { digest }: Pick<Descriptor, "digest">): string {
  return `push:${trimNamed(target).toString()} ${digest}`;
}

/** Brings blobs to a repository; all who bring one at the same time share its upload. Throws as `LayerUploadManager.upload` does. */
export async function uploadBlobs(
  blobs: readonly Descriptor[],
  target: NormalizedReference,
  { source, contentFor }: BlobBytesSource,
  { shared, remote, operation, account, progress: told }: UploadContext,
): Promise<void> {
  const host = limitedHost(remote.endpoint);
  const uploads = blobs.map((blob): UploadDescriptor => {
    const { digest } = blob;
    const subject = { id: shortId(digest), digest };
    const key = pushKey(target, blob);
    account.wants(key);
    return {
      key,
      ...subject,
      source,
      upload: async ({ signal, waiter, payers, progress }) => {
        const flow = shared.bandwidth.flow({ direction: "up", host, payers });
        const content = contentFor({ signal, waiter, payers });
        const where = { direction: "up", endpoint: remote.endpoint } as const;
        const { mediaType, size } = blob;
        const outcome = await tracedTransfer(blob, where, (trace) =>
          shared.transfers.run({ digest, mediaType, size, ...where }, { signal, waiter }, (one) => {
            const onBytes = (bytes: number): void => {
              one.bytes = bytes;
              if (trace) noteBytes(trace, bytes, 0);
              progress(update(subject, "Pushing", bytes, size));
            };
            return remote.push(blob, one.sending(content), { signal, waiter, flow, onBytes });
          }),
        );
        return pushStatus.blob(outcome);
      },
      abandon: () => remote.abandon(blob),
    };
  });
  const onProgress: StepSink = (step) => {
    told.note(step);
    operation.onProgress(step);
  };
  await shared.uploads.upload(uploads, { ...operation, onProgress });
}
