import { isCollected } from "../../content/ownership/owned-store.ts";
import { ErrFailedPrecondition, ErrNoSupport } from "../../errors/classes.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { familiarString } from "../../reference/familiar.ts";
import type { NormalizedReference } from "../../reference/reference.ts";
import { type Endpoint, originOf } from "../../registry/endpoints/endpoint.ts";
import type { RangeSource } from "../../remotes/ranges/range-sources.ts";
import type { Ranges } from "../../remotes/ranges/ranges.ts";
import type { AskOptions } from "../../remotes/remote.ts";
import type { PulledImage, PullOptions, PullResult } from "../api/distribution.ts";
import { startMoving } from "../api/operation.ts";
import { servedByEndpoint } from "../api/served-by-endpoint.ts";
import { checkMetaHeaders } from "../endpoints/check-meta-headers.ts";
import { EndpointWalk, type WalkEngine, type WalkRoute } from "../endpoints/endpoint-walk.ts";
import { forEachName } from "../operations/each-name.ts";
import { told } from "../operations/told.ts";
import { verifiersOf } from "../operations/verify-image.ts";
import { everyTag, noTags } from "./every-tag.ts";
import { promiseFor, resolveTarget } from "./promised.ts";
import { PullProgress } from "./pull-progress.ts";
import { choosePlatform, parsePullReference } from "./pull-reference.ts";
import { pullStatus } from "./pull-status.ts";
import type { Puller, PullShared } from "./puller.ts";
import { inDockersWords } from "./translate-pull-error.ts";
import { v2Puller } from "./v2-puller.ts";

/** A repository at one endpoint, whatever version of the API that speaks. */
interface PullSite {
  /** Origin of the endpoint. */
  readonly endpoint: string;
  /** Where its blobs come from in ranges; `undefined`: in one stream. */
  readonly source: RangeSource | undefined;
  /** Every tag of the repository. */
  tags(options: AskOptions): Promise<readonly string[]>;
  /** What a name means. */
  resolve(reference: NormalizedReference): Promise<Descriptor>;
  /** Pulls one name. */
  readonly pull: Puller;
}

/** What pulls of one engine share. */
export interface PullEngine extends PullShared, WalkEngine {}

/**
 * Pulls a reference, or every tag of a repository: each from one endpoint after another until one has it (moby
 * `distribution.Pull`). `onImage` is told about each name as soon as it is in place.
 */
export async function pull(
  engine: PullEngine,
  text: string,
  options: PullOptions,
  onImage?: (image: PulledImage) => void,
): Promise<PullResult> {
  return await told("pull", text, engine.logger, (id) =>
    pullNames(engine, text, { ...options, id }, onImage),
  );
}

async function pullNames(
  engine: PullEngine,
  text: string,
  options: PullOptions & { readonly id: string },
  onImage: (image: PulledImage) => void = () => {},
): Promise<PullResult> {
  const reference = parsePullReference(text, options);
  checkMetaHeaders(options.metaHeaders ?? {});
  const platform = choosePlatform(options);
  const { repositories } = engine;
  using account = engine.traffic.openIncoming();
  using progress = new PullProgress({ ...options, account, logger: engine.logger });
  const steps = { onProgress: progress.onStep, waitsOnly: !progress.isTold };
  using operation = startMoving({ ...options, ...steps }, engine.bandwidth);
  const { unpack = true, keepBlobs: keepsBlobs = true } = options;
  const layers = unpack ? engine.layers : undefined;
  if (!keepsBlobs && (!layers?.settle || isCollected(engine.content))) throw noLayers(reference);
  const verifiers = verifiersOf(engine.verify, options.verify);
  const context = { shared: engine, operation, platform, account, progress, layers, keepsBlobs, verifiers };
  const route: WalkRoute<PullSite> = {
    reference,
    purpose: "pull",
    open(endpoint, surroundings) {
      const { repository, answers } = repositories.open(endpoint, reference, { ...options, ...surroundings });
      const beside = () => sourcesBeside(walk, endpoint, engine.ranges);
      const here = { ...context, remote: repository, beside };
      const resolve = (wanted: NormalizedReference) => resolveTarget(wanted, here);
      const source = { fetcher: repository, endpoint: repository.endpoint };
      return { repository: siteOf(repository, { source, resolve, pull: v2Puller(here) }), answers };
    },
    async openV1(endpoint, surroundings) {
      if (verifiers) throw unverifiable(reference, endpoint);
      const opening = repositories.openV1(endpoint, reference, { ...options, ...surroundings });
      const { repository, answers } = await opening;
      const { v1Puller } = await import("./v1/v1-puller.ts");
      const puller = v1Puller({ ...context, remote: repository });
      return {
        repository: siteOf(repository, { source: undefined, resolve: resolveNowhere, pull: puller }),
        answers,
      };
    },
  };
  const walk: EndpointWalk<PullSite> = await EndpointWalk.start(engine, route, operation);

  const images = await forEachName(
    {
      items: options.allTags ? await everyTag(walk, reference, operation) : [reference],
      referenceOf: (wanted) => wanted,
      onDone: onImage,
      isOver: () => walk.isOver,
      async work(wanted): Promise<PulledImage> {
        const promised = await promiseFor(walk, wanted, (site) => site.resolve(wanted));
        const { value, endpoint } = await walk.run(wanted, ({ pull: pullHere }) =>
          inDockersWords(wanted, () => pullHere(wanted, promised)),
        );
        return { ...value, endpoint };
      },
    },
    operation,
  );

  const last = images.at(-1);
  if (!last) throw noTags(reference);
  progress.end();
  operation.onProgress(
    pullStatus.done(
      reference,
      images.some(({ updated }) => updated),
    ),
  );
  const result: PullResult = {
    reference: reference.toString(),
    digest: last.target.digest,
    images,
    endpoint: last.endpoint,
    passedOver: walk.passedOver,
    served: account.served,
  };
  engine.logger.info({ operation: operation.id, ...pullFields(result) }, "pulled");
  return result;
}

function pullFields({ reference, digest, endpoint, passedOver, served }: PullResult): object {
  const passed = [...new Set(passedOver.map((one) => one.endpoint))];
  return { reference, digest, endpoint, passedOver: passed, served: servedByEndpoint(served) };
}

function siteOf(
  remote: Pick<PullSite, "endpoint" | "tags">,
  work: Pick<PullSite, "source" | "resolve" | "pull">,
): PullSite {
  return { endpoint: remote.endpoint, tags: (options) => remote.tags(options), ...work };
}

/** Endpoints that a blob may come from at the same time, as the engine was told. */
async function sourcesBeside(
  walk: EndpointWalk<PullSite>,
  endpoint: Endpoint,
  ranges: Ranges | undefined,
): Promise<readonly RangeSource[]> {
  const { from = "one" } = ranges ?? {};
  if (from === "one") return [];
  const sites = await walk.beside(endpoint, ({ mirror }) => mirror || from === "all");
  return sites.flatMap(({ source }) => source ?? []);
}

/** Version 1 has no digests to go by. */
async function resolveNowhere(reference: NormalizedReference): Promise<never> {
  throw new ErrNoSupport(`resolve ${familiarString(reference)}: version 1 of the API has no digests`);
}

/** Version 1 tells what an image is only by its layers. */
function unverifiable(reference: NormalizedReference, endpoint: Endpoint): ErrNoSupport {
  const text = `pull ${familiarString(reference)}: version 1 of the API says nothing that could be verified before the layers`;
  return new ErrNoSupport(text, { endpoint: originOf(endpoint), reference: reference.toString() });
}

function noLayers(reference: NormalizedReference): ErrFailedPrecondition {
  const text = `pull ${familiarString(reference)}: got keepBlobs false, which needs blobs and unpacked layers in the data root`;
  return new ErrFailedPrecondition(text, { reference: reference.toString() });
}
