import { exists } from "../../content/exists.ts";
import { openWriter } from "../../content/open-writer.ts";
import { readVerified } from "../../content/read-verified.ts";
import { unlessExists } from "../../content/unless-exists.ts";
import { shortId } from "../../digest/digest.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { ANY_TYPE } from "../../oci/media-types.ts";
import { update } from "../../progress/progress.ts";
import { throttleProgress } from "../../progress/progress-throttle.ts";
import type { NormalizedReference } from "../../reference/reference.ts";
import type { FetchTarget } from "../../remotes/fetch.ts";
import { makeRefKey } from "../../remotes/ref-key.ts";
import type { BlobOptions, FetchedBlob, WantedBlob } from "../api/moving.ts";
import { startMoving, waiterOf } from "../api/operation.ts";
import { checkMetaHeaders } from "../endpoints/check-meta-headers.ts";
import { parsePullReference } from "../pull/pull-reference.ts";
import { type BringContext, bringBlob, openOrigin, payersOf } from "./bring-blob.ts";
import type { MoveEngine } from "./move-engine.ts";

/** One content that somebody asks for, by its caller's words. */
export interface AskedBlob {
  /** Of the repository that has it. */
  readonly reference: string;
  readonly blob: WantedBlob;
}

/** The same, understood. */
export interface WantedContent {
  readonly reference: NormalizedReference;
  readonly blob: Descriptor;
}

/** What was asked for. Throws `ErrInvalidArgument` for a malformed reference. */
export function wantedContent({ reference, blob }: AskedBlob): WantedContent {
  return {
    reference: parsePullReference(reference, {}),
    blob: { ...blob, mediaType: blob.mediaType ?? ANY_TYPE },
  };
}

/** Brings it to `target`: out of the store if it is there, or else from the registry. Throws as `Moving.openBlob` does. */
export async function bringWanted(
  engine: MoveEngine,
  { reference, blob }: WantedContent,
  target: FetchTarget,
  options: BlobOptions,
): Promise<FetchedBlob> {
  checkMetaHeaders(options.metaHeaders ?? {});
  using operation = startMoving(options, engine.bandwidth);
  const { signal } = operation;
  const { digest } = blob;
  const id = shortId(digest);
  const subject = { id, digest };
  const show = throttleProgress(operation.onProgress);
  const onBytes = (bytes: number): void => show(update(subject, "Downloading", bytes, blob.size));
  if (await exists(engine.content, blob, operation)) {
    await copyFromStore(engine, blob, target, { signal, onBytes });
    operation.onProgress(update(subject, "Already exists", 0, 0));
    return { endpoint: undefined, passedOver: [] };
  }
  const origin = await openOrigin(engine, reference, { access: options, operation });
  const context: BringContext = {
    signal,
    waiter: waiterOf(operation, id),
    payers: payersOf(operation),
    onBytes,
  };
  const endpoint = await operation.hurry(() => bringBlob(blob, target, { engine, origin, context }));
  operation.onProgress(update(subject, "Download complete", 0, 0));
  return { endpoint, passedOver: origin.walk.passedOver };
}

async function copyFromStore(
  { content }: MoveEngine,
  blob: Descriptor,
  target: FetchTarget,
  { signal, onBytes }: Pick<BringContext, "signal" | "onBytes">,
): Promise<void> {
  const { digest, size } = blob;
  const opening = openWriter(target, { ref: makeRefKey(blob), size, expected: digest, signal });
  const opened = await unlessExists(opening);
  if (!opened) return;
  await using writer = opened;
  await writer.truncate(0);
  let bytes = 0;
  for await (const chunk of readVerified(content, blob, { signal })) {
    await writer.write(chunk);
    bytes += chunk.byteLength;
    onBytes?.(bytes);
  }
  await writer.commit({ size, expected: digest });
}
