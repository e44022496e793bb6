import { randomUUID } from "node:crypto";
import { allOrAbort } from "../../async/all-or-abort.ts";
import { shortId } from "../../digest/digest.ts";
import { ErrInvalidArgument, ErrOutOfRange } from "../../errors/classes.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { isIndexType, isManifestType } from "../../oci/media-types.ts";
import type { NormalizedReference } from "../../reference/reference.ts";
import type { Pusher } from "../../remotes/pusher.ts";
import type { RegistryRemote } from "../../remotes/registry-remote.ts";
import type { CopiedImage, CopyOptions } from "../api/moving.ts";
import { type Operation, waiterOf } from "../api/operation.ts";
import type { EndpointWalk } from "../endpoints/endpoint-walk.ts";
import type { IncomingAccount, OutgoingAccount } from "../operations/traffic.ts";
import { verifiersOf } from "../operations/verify-image.ts";
import { keepPromise, resolveTarget } from "../pull/promised.ts";
import type { PullShared } from "../pull/puller.ts";
import { inDockersWords } from "../pull/translate-pull-error.ts";
import type { PushProgress } from "../push/push-progress.ts";
import { pushStatus } from "../push/push-status.ts";
import { sendGraph } from "../push/send-graph.ts";
import type { BlobBytesSource, UploadShared } from "../push/upload-blobs.ts";
import { type BlobOrigin, type BringEngine, bringBlob, passingKey } from "./bring-blob.ts";
import { choosePlatforms, readGraph } from "./read-source.ts";
import { type BringPassing, SourceContent } from "./source-content.ts";
import { verifySource } from "./verify-source.ts";

/** Manifests that refer to one image, directly or to what refers to it: who attests more attests nothing. */
const MAX_REFERRERS = 4_096;

/** What copies of one engine share. */
export interface CopyShared
  extends BringEngine,
    UploadShared,
    Pick<
      PullShared,
      "content" | "documents" | "documentReaders" | "work" | "traffic" | "bandwidth" | "verify" | "transfers"
    > {}

/** What one copy works with. */
export interface CopyContext {
  readonly shared: CopyShared;
  readonly operation: Operation;
  readonly options: Pick<
    CopyOptions,
    "platforms" | "referrers" | "checkBlobs" | "fromAuth" | "metaHeaders" | "verify"
  >;
  /** Where it comes from. */
  readonly origin: BlobOrigin;
  /** Where it goes to. */
  readonly destination: EndpointWalk<Pusher>;
  /** Of what comes. */
  readonly incoming: IncomingAccount;
  /** Of what goes. */
  readonly outgoing: OutgoingAccount;
  /** Told how far it is. */
  readonly progress: PushProgress;
}

/** One name, and what it is to be called at the other registry. */
export interface NamedCopy {
  readonly from: NormalizedReference;
  readonly to: NormalizedReference;
}

/** What was read of a source. */
interface SourceImage {
  readonly root: Descriptor;
  /** All manifests and indexes that are copied. */
  readonly documents: readonly Descriptor[];
  /** Origin of the endpoint that told it. */
  readonly endpoint: string;
}

/**
 * Copies what a name points at: documents are read into memory, then blobs, manifests and indexes go to the other registry in
 * this order, then what refers to them, and the tag last.
 */
export async function copyImage({ from, to }: NamedCopy, context: CopyContext): Promise<CopiedImage> {
  const { shared, operation, origin, incoming } = context;
  const bring: BringPassing = (blob, stream, attempt) => {
    incoming.wants({ key: passingKey(blob), digest: blob.digest });
    return bringBlob(blob, stream, { engine: shared, origin, context: attempt });
  };
  const { checkBlobs: isChecked = false } = context.options;
  const content = new SourceContent(shared.content, bring, { isChecked });
  const image = await operation.hurry(() => readImage(from, content, context));
  const { tag, digest } = to;
  if (digest !== undefined && digest !== image.root.digest) {
    throw new ErrInvalidArgument(`copy to ${to.toString()}: got ${image.root.digest} to copy`, { digest });
  }
  const { value: referrers, endpoint } = await context.destination.run(to, (remote) =>
    operation.hurry(() => sendImage(image, { to, remote, content }, context)),
  );
  operation.onProgress(pushStatus.done(tag ?? image.root.digest, image.root));
  return {
    from: from.toString(),
    name: to.toString(),
    target: image.root,
    referrers,
    source: image.endpoint,
    endpoint,
  };
}

async function readImage(
  reference: NormalizedReference,
  content: SourceContent,
  context: CopyContext,
): Promise<SourceImage> {
  const { shared, operation, origin, options } = context;
  const { platforms } = options;
  const verifiers = verifiersOf(shared.verify, options.verify);
  const told = await resolvedElsewhere(reference, context);
  const read = async (remote: RegistryRemote) => {
    const here = { remote, operation };
    const reading = { shared, content, ...here };
    const bring = async (wanted: Descriptor) => {
      const root = platforms ? await choosePlatforms(wanted, platforms, reading) : plain(wanted);
      return { root, documents: await readGraph(platforms ? root : wanted, reading) };
    };
    const found = told
      ? await bring(told) // its tag means nothing here
      : (await keepPromise(reference, await resolveTarget(reference, here), bring, here)).found;
    await verifySource(reference, found, { reading, verifiers });
    return found;
  };
  const { value, endpoint } = await origin.walk.run(reference, (remote) =>
    inDockersWords(reference, () => read(remote)),
  );
  return { ...value, endpoint };
}

/** What a tag means, where those who have the content do not say. */
async function resolvedElsewhere(
  reference: NormalizedReference,
  { origin, operation }: CopyContext,
): Promise<Descriptor | undefined> {
  if (!origin.walk.isDivided || reference.digest !== undefined) return undefined;
  const ask = (remote: RegistryRemote): Promise<Descriptor> =>
    inDockersWords(reference, () => resolveTarget(reference, { remote, operation }));
  return (await origin.walk.run(reference, ask, "resolve")).value;
}

/** A document without what came along with it. */
function plain({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size };
}

/** Where an image goes, and where its bytes are. */
interface Sending {
  readonly to: NormalizedReference;
  readonly remote: Pusher;
  readonly content: SourceContent;
}

/** Sends an image, what refers to it if that is wanted, and the tag at last. Returns what refers to it. */
async function sendImage(
  { root, documents }: SourceImage,
  sending: Sending,
  context: CopyContext,
): Promise<readonly Descriptor[]> {
  const { tag } = sending.to;
  const { referrers: withReferrers = false } = context.options;
  const send = (graph: Descriptor, as?: string): Promise<void> => sendPart(graph, as, sending, context);
  if (!withReferrers) {
    await send(root, tag);
    return [];
  }
  await send(root);
  const referrers = await sendReferrers(documents, sending, { context, send });
  if (tag !== undefined) await send(root, tag);
  return referrers;
}

/** Sends what a document and all below it are; what a copy of another identity brings is shared with nobody. */
async function sendPart(
  root: Descriptor,
  tag: string | undefined,
  { to, remote, content }: Sending,
  { shared, operation, origin, options, outgoing: account, progress }: CopyContext,
): Promise<void> {
  const { domain, path } = origin.reference;
  const isCommon = options.fromAuth === undefined && options.metaHeaders === undefined;
  const source = `${remote.source} from ${domain}/${path} ${isCommon ? "" : randomUUID()}`;
  const blobs: BlobBytesSource = { source, contentFor: (attempt) => content.passing(attempt) };
  const graph = { root, to, tag, documents: content, blobs };
  await sendGraph(graph, { shared, remote, operation, account, progress });
}

/** How referrers are sent. */
interface ReferrersContext {
  readonly context: CopyContext;
  readonly send: (graph: Descriptor) => Promise<void>;
}

/** Sends what refers to documents, and what refers to that, from below: a subject is there before what is about it. */
async function sendReferrers(
  documents: readonly Descriptor[],
  { content }: Sending,
  { context, send }: ReferrersContext,
): Promise<readonly Descriptor[]> {
  const known = new Set(documents.map(({ digest }) => digest));
  const sent: Descriptor[] = [];
  for (let round = documents; round.length > 0; ) {
    const found = await referrersOf(round, context);
    const fresh = found.filter(({ digest }, at) => {
      return !known.has(digest) && at === found.findIndex((other) => other.digest === digest);
    });
    if (sent.length + fresh.length > MAX_REFERRERS) {
      throw new ErrOutOfRange(`copy referrers: more than ${MAX_REFERRERS} of one image`);
    }
    const below: Descriptor[] = [];
    for (const referrer of fresh) {
      const graph = await readReferrer(referrer, content, context);
      for (const { digest } of graph) known.add(digest);
      below.push(...graph);
      await send(plain(referrer));
      sent.push(referrer);
    }
    round = below;
  }
  return sent;
}

/** What the source lists as being about any of these documents. */
async function referrersOf(
  documents: readonly Descriptor[],
  { origin, operation }: CopyContext,
): Promise<readonly Descriptor[]> {
  const { reference, walk } = origin;
  const tasks = documents.map((subject) => async (signal: AbortSignal) => {
    const waiter = waiterOf(operation, shortId(subject.digest), { signal });
    const ask = (remote: RegistryRemote) => remote.referrers(subject.digest, { signal, waiter });
    return (await walk.run(reference, ask)).value;
  });
  const lists = await allOrAbort(tasks, operation);
  return lists.flat().filter(({ mediaType }) => isManifestType(mediaType) || isIndexType(mediaType));
}

async function readReferrer(
  referrer: Descriptor,
  content: SourceContent,
  { shared, operation, origin }: CopyContext,
): Promise<readonly Descriptor[]> {
  const { reference, walk } = origin;
  const read = (remote: RegistryRemote) =>
    inDockersWords(reference, () => readGraph(referrer, { shared, remote, content, operation }));
  return (await walk.run(reference, read)).value;
}
