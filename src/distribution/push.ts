import { ErrNotFound } from "../errors/classes.ts";
import type { ImageStore } from "../images/image-store.ts";
import { guardSink } from "../progress/guard-sink.ts";
import { familiarString } from "../reference/familiar.ts";
import { type Endpoint, originOf } from "../registry/endpoints/endpoint.ts";
import { checkMetaHeaders } from "./check-meta-headers.ts";
import type { PushedImage, PushOptions, PushResult } from "./distribution.ts";
import { type EndpointAttempt, tryEndpoints } from "./endpoint-loop.ts";
import type { Logger } from "./logger.ts";
import type { MountSourceStore } from "./mount-source-store.ts";
import { choosePlatform } from "./pull-reference.ts";
import { type NamedPush, namedPushes } from "./push-reference.ts";
import { pushStatus } from "./push-status.ts";
import type { Repositories } from "./repositories.ts";
import { type PushRequest, type PushShared, V2Pusher } from "./v2-pusher.ts";

/** What pushes of one engine share. */
export interface PushEngine extends PushShared {
  readonly images: ImageStore;
  readonly repositories: Repositories;
  readonly mountSources: MountSourceStore;
  readonly logger: Logger;
}

/** Pushes a name, or all tags of one: endpoint after endpoint until one takes it (moby `distribution.Push`). */
export async function push(engine: PushEngine, source: string, options: PushOptions): Promise<PushResult> {
  const request = pushRequest(options);
  const pushes = await namedPushes(engine.images, source, options);
  const [first] = pushes;
  if (!first) throw new ErrNotFound(`no tags to push for ${source}`, { reference: source });
  const endpoints = await engine.repositories.endpoints(first.target, "push", options);
  request.onProgress(pushStatus.refersTo(first.target));
  return await tryEndpoints(
    endpoints.map((endpoint) => attemptAt(endpoint, engine, { pushes, options, request })),
    {
      familiar: familiarString(first.target),
      signal: options.signal,
      onFallback: (endpoint, error) =>
        engine.logger.warn(
          { endpoint: originOf(endpoint), err: error },
          "push failed here, trying the next endpoint",
        ),
    },
  );
}

function pushRequest(options: PushOptions): PushRequest {
  checkMetaHeaders(options.metaHeaders ?? {});
  return {
    platform: options.platform === undefined ? undefined : choosePlatform({ platform: options.platform }),
    signal: options.signal,
    onProgress: guardSink(options.onProgress ?? (() => {})),
  };
}

interface Attempted {
  readonly pushes: readonly NamedPush[];
  readonly options: PushOptions;
  readonly request: PushRequest;
}

function attemptAt(
  endpoint: Endpoint,
  engine: PushEngine,
  attempted: Attempted,
): EndpointAttempt<PushResult> {
  const { pushes, options, request } = attempted;
  const target = pushes[0]?.target;
  if (!target) throw new ErrNotFound("push: nothing to push");
  const { repository, answered } = engine.repositories.openForPush(endpoint, target, {
    ...options,
    content: engine.content,
    sources: engine.mountSources,
    logger: engine.logger,
  });
  return {
    endpoint,
    answered,
    async run() {
      const v2 = new V2Pusher(engine, repository, request);
      const images: PushedImage[] = [];
      for (const { image, target: to } of pushes) images.push(await v2.push(image, to));
      const digest = images.at(-1)?.target.digest;
      if (digest === undefined) throw new ErrNotFound("push: nothing was pushed");
      return { reference: target.toString(), digest, images, endpoint: originOf(endpoint) };
    },
  };
}
