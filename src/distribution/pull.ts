import { ErrNotFound } from "../errors/classes.ts";
import { guardSink } from "../progress/guard-sink.ts";
import { withTag } from "../reference/derive.ts";
import { familiarString } from "../reference/familiar.ts";
import type { NormalizedReference } from "../reference/reference.ts";
import type { Endpoint } from "../registry/endpoints/endpoint.ts";
import { originOf } from "../registry/endpoints/endpoint.ts";
import type { RegistryRemote } from "../remotes/registry-remote.ts";
import { checkMetaHeaders } from "./check-meta-headers.ts";
import type { PulledImage, PullOptions, PullResult } from "./distribution.ts";
import { type EndpointAttempt, tryEndpoints } from "./endpoint-loop.ts";
import type { Logger } from "./logger.ts";
import { choosePlatform, parsePullReference } from "./pull-reference.ts";
import { pullStatus } from "./pull-status.ts";
import type { Repositories } from "./repositories.ts";
import { translatePullError } from "./translate-pull-error.ts";
import { type PullRequest, type PullShared, V2Puller } from "./v2-puller.ts";

/** What pulls of one engine share. */
export interface PullEngine extends PullShared {
  readonly repositories: Repositories;
  readonly logger: Logger;
}

/** Pulls a reference: endpoint after endpoint until one has it (moby `distribution.Pull`). */
export async function pull(engine: PullEngine, text: string, options: PullOptions): Promise<PullResult> {
  const reference = parsePullReference(text, options);
  const request = pullRequest(options);
  const endpoints = await engine.repositories.endpoints(reference, "pull", options);
  const attempts = endpoints.map((endpoint) => attemptAt(endpoint, engine, { reference, options, request }));
  const result = await tryEndpoints(attempts, {
    familiar: familiarString(reference),
    signal: options.signal,
    onFallback: (endpoint, error) =>
      engine.logger.warn(
        { endpoint: originOf(endpoint), err: error },
        "pull failed here, trying the next endpoint",
      ),
  });
  const updated = result.images.some((image) => image.updated);
  request.onProgress(pullStatus.done(reference, updated));
  return result;
}

function pullRequest(options: PullOptions): PullRequest {
  const { priority = 0, metaHeaders = {} } = options;
  checkMetaHeaders(metaHeaders);
  return {
    platform: choosePlatform(options),
    priority,
    signal: options.signal,
    onProgress: guardSink(options.onProgress ?? (() => {})),
  };
}

interface Attempted {
  readonly reference: NormalizedReference;
  readonly options: PullOptions;
  readonly request: PullRequest;
}

function attemptAt(
  endpoint: Endpoint,
  engine: PullEngine,
  attempted: Attempted,
): EndpointAttempt<PullResult> {
  const { reference, options } = attempted;
  const { repository, answered } = engine.repositories.open(endpoint, reference, options);
  return {
    endpoint,
    answered,
    async run() {
      try {
        return await pullFrom(repository, engine, attempted);
      } catch (error) {
        throw translatePullError(error, reference);
      }
    },
  };
}

async function pullFrom(
  remote: RegistryRemote,
  engine: PullEngine,
  { reference, options, request }: Attempted,
): Promise<PullResult> {
  const puller = new V2Puller(engine, remote, request);
  const images: PulledImage[] = [];
  for (const wanted of await wantedReferences(remote, reference, options)) {
    images.push(await puller.pull(wanted));
  }
  const last = images.at(-1);
  const name = reference.toString();
  if (!last) throw new ErrNotFound(`no tags found for ${familiarString(reference)}`, { reference: name });
  return { reference: name, digest: last.target.digest, images, endpoint: remote.endpoint };
}

/** The reference itself, or one for each tag of the repository, in the registry's order. */
async function wantedReferences(
  remote: RegistryRemote,
  reference: NormalizedReference,
  { allTags, signal }: PullOptions,
): Promise<readonly NormalizedReference[]> {
  if (!allTags) return [reference];
  const tags = await remote.tags({ signal });
  return tags.map((tag) => withTag(reference, tag));
}
