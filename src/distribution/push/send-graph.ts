import { boundedReads } from "../../content/bounded-reads.ts";
import type { InfoProvider, Provider } from "../../content/store.ts";
import { shortId } from "../../digest/digest.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { NormalizedReference } from "../../reference/reference.ts";
import { pushContent } from "../../remotes/push-content.ts";
import { waiterOf } from "../api/operation.ts";
import type { PullShared } from "../pull/puller.ts";
import {
  type BlobBytesSource,
  tellingPlan,
  tellingPusher,
  type UploadContext,
  type UploadShared,
  uploadBlobs,
} from "./upload-blobs.ts";

/** Content that is sent to a repository, and the tag that its root gets there, if it gets one. */
export interface GraphToSend {
  readonly root: Descriptor;
  readonly to: NormalizedReference;
  readonly tag: string | undefined;
  /** Where its documents are. */
  readonly documents: Provider & InfoProvider;
  /** Where the bytes of its blobs are. */
  readonly blobs: BlobBytesSource;
}

/** To whom it is sent, and for whom. */
export interface SendContext extends UploadContext {
  readonly shared: UploadShared & Pick<PullShared, "documentReaders">;
}

/** Sends content that need not be in the store: blobs first, shared with all who send the same, its root last. Throws as `pushContent` does. */
export async function sendGraph(graph: GraphToSend, context: SendContext): Promise<void> {
  const { root, to, tag } = graph;
  const { shared, operation } = context;
  const pusher = tellingPusher(to, context);
  const pushBlobs = (blobs: readonly Descriptor[], signal: AbortSignal | undefined): Promise<void> =>
    uploadBlobs(blobs, to, graph.blobs, { ...context, remote: pusher, operation: { ...operation, signal } });
  const waiter = ({ digest }: Descriptor, signal: AbortSignal | undefined) =>
    waiterOf(operation, shortId(digest), { signal });
  const content = boundedReads(graph.documents, shared.documentReaders);
  const onPlan = tellingPlan(root, to, context);
  await pushContent(root, { pusher, content, tag, onPlan, pushBlobs, waiterOf: waiter }, operation);
}
