import { boundedReads } from "../../content/bounded-reads.ts";
import type { Handler } from "../../images/handler.ts";
import { collectImages, type ImageContent, type PlatformChoice } from "../../images/image-graph.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { NormalizedReference } from "../../reference/reference.ts";
import type { Remote } from "../../remotes/remote.ts";
import type { ImagePlan, PlannedContent, PlanOptions } from "../api/image-plan.ts";
import { startOperation } from "../api/operation.ts";
import { checkMetaHeaders } from "../endpoints/check-meta-headers.ts";
import { EndpointWalk, type WalkEngine, type WalkRoute } from "../endpoints/endpoint-walk.ts";
import { verifiersOf, verifyFetched } from "../operations/verify-image.ts";
import { fetchDocument } from "./fetch-document.ts";
import { namedContents, plannedContents } from "./planned-contents.ts";
import { isKnown, keepPromise, promiseFor, resolveTarget } from "./promised.ts";
import { choosePlatform, parsePullReference } from "./pull-reference.ts";
import type { PullContext, PullShared } from "./puller.ts";
import { ScratchContent } from "./scratch-content.ts";
import { inDockersWords } from "./translate-pull-error.ts";

/** What an engine needs for plans. */
export interface PlanEngine extends PullShared, WalkEngine {}

/** A repository at one endpoint, for plans. */
interface PlanSite {
  /** What a name means. */
  resolve(reference: NormalizedReference): Promise<Descriptor>;
  /** What it means and what is below, unless another endpoint said already what it means. */
  read(promised: Descriptor | undefined): Promise<Found>;
}

/** An image, as its documents tell it. */
interface Found {
  readonly target: Descriptor;
  /** Where they are. */
  readonly content: ScratchContent;
  /** Every document that was visited, from the target down. */
  readonly documents: readonly Descriptor[];
  readonly images: readonly ImageContent[];
}

/**
 * Tells what a pull would bring, from one endpoint after another until one knows it, as a pull does. Documents that are not here are
 * read into memory: nothing is written. Throws as a pull does until its first blob.
 */
export async function plan(engine: PlanEngine, text: string, options: PlanOptions): Promise<ImagePlan> {
  const reference = parsePullReference(text, {});
  checkMetaHeaders(options.metaHeaders ?? {});
  const operation = startOperation(options);
  const choice = choosePlatform(options);
  const verifiers = verifiersOf(engine.verify, options.verify);
  const siteAt = (remote: Remote): PlanSite => {
    const here = { shared: engine, remote, operation };
    return {
      resolve: (wanted) => resolveTarget(wanted, here),
      async read(promised) {
        const known = { isKnown: () => isKnown(reference, here) };
        const target = promised ?? (await resolveTarget(reference, here, known));
        const bring = (wanted: Descriptor) => readGraph(wanted, { ...here, choice });
        const kept = await keepPromise(reference, target, bring, here);
        await verifyPlanned(reference, { target: kept.target, ...kept.found }, { ...here, verifiers });
        return { target: kept.target, ...kept.found };
      },
    };
  };
  const route: WalkRoute<PlanSite> = {
    reference,
    purpose: "pull",
    open(endpoint, surroundings) {
      const opened = engine.repositories.open(endpoint, reference, { ...options, ...surroundings });
      return { repository: siteAt(opened.repository), answers: opened.answers };
    },
  };
  const walk = await EndpointWalk.start(engine, route, operation);
  const promised = await promiseFor(walk, reference, (site) => site.resolve(reference));
  const read = (site: PlanSite) => inDockersWords(reference, () => site.read(promised));
  const { value, endpoint } = await walk.run(reference, read);
  const named = namedContents(value.documents, value.images);
  const contents = await plannedContents(named, reference.domain, engine, operation);
  const sum = (bytes: (content: PlannedContent) => number): number =>
    contents.reduce((total, content) => total + bytes(content), 0);
  return {
    reference: reference.toString(),
    target: value.target,
    endpoint,
    passedOver: walk.passedOver,
    contents,
    totalBytes: sum(({ size }) => size),
    bytesHere: sum(({ bytesHere }) => bytesHere),
  };
}

/** What reads the documents of an image. */
interface GraphContext extends Pick<PullContext, "shared" | "remote" | "operation"> {
  readonly choice: PlatformChoice;
}

async function readGraph(
  target: Descriptor,
  { shared, remote, operation, choice }: GraphContext,
): Promise<Omit<Found, "target">> {
  const content = new ScratchContent(shared.content);
  const documents: Descriptor[] = [];
  const fetchEach: Handler = async (descriptor, { signal }) => {
    documents.push(descriptor);
    await fetchDocument(descriptor, signal, { shared: { ...shared, content }, remote, operation });
    return [];
  };
  const reads = boundedReads(content, shared.documentReaders);
  const images = await collectImages(target, { content: reads, fetchDocument: fetchEach, choice }, operation);
  return { content, documents, images };
}

/** Who says whether an image may come, and where its configs are to be had. */
interface VerifyingContext extends Pick<PullContext, "shared" | "remote" | "operation" | "verifiers"> {}

async function verifyPlanned(
  reference: NormalizedReference,
  { target, images, content }: Found,
  { verifiers, shared, remote, operation }: VerifyingContext,
): Promise<void> {
  if (!verifiers) return;
  const bringing = { shared: { ...shared, content }, remote, operation };
  const bring = (config: Descriptor, signal: AbortSignal) => fetchDocument(config, signal, bringing);
  const { endpoint } = remote;
  const about = { purpose: "plan", reference: reference.toString(), target, endpoint } as const;
  await verifyFetched({ ...about, images, content }, verifiers, { bring, signal: operation.signal });
}
