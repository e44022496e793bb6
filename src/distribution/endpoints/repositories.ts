import type { EventEmitter } from "eventemitter3";
import type { AbortOptions } from "../../async/abort.ts";
import type { BackoffPolicy } from "../../async/backoff.ts";
import { BoundedMap } from "../../async/bounded-map.ts";
import { KeyedLock } from "../../async/keyed-lock.ts";
import type { Manager } from "../../content/store.ts";
import type { NormalizedReference } from "../../reference/reference.ts";
import type { CredentialSource, Credentials } from "../../registry/credentials/credentials.ts";
import { authorizedSend } from "../../registry/endpoint-send.ts";
import { type Endpoint, originOf } from "../../registry/endpoints/endpoint.ts";
import { hostTrust } from "../../registry/endpoints/host-trust.ts";
import { lookupEndpoints } from "../../registry/endpoints/lookup-endpoints.ts";
import type { Purpose, RegistryOptions } from "../../registry/endpoints/registry-options.ts";
import { ConfigurationFiles } from "../../registry/files/configuration-files.ts";
import type { Send } from "../../registry/http/send.ts";
import { originOfUrl } from "../../registry/http/url-origin.ts";
import { type NoticeListener, withNotices } from "../../registry/http/with-notices.ts";
import { withThrottle } from "../../registry/http/with-throttle.ts";
import { Identities } from "../../registry/identities.ts";
import { createRegistryClient } from "../../registry/pull/registry-client.ts";
import { BodyLimit } from "../../registry/push/body-limit.ts";
import { createPushClient } from "../../registry/push/create-push-client.ts";
import type { PushClient } from "../../registry/push/push-client.ts";
import { tookNoPartInTls } from "../../registry/transport/handshake-error.ts";
import { RegistryPusher } from "../../remotes/registry-pusher.ts";
import { RegistryRemote } from "../../remotes/registry-remote.ts";
import { Resolutions } from "../../remotes/resolutions.ts";
import { sourceKey } from "../../remotes/source.ts";
import type { V1Remote } from "../../remotes/v1-remote.ts";
import type { DistributionEvents } from "../api/events.ts";
import type { Logger } from "../api/logger.ts";
import type { ByHealthOptions } from "../health/by-health.ts";
import type { EndpointHealth } from "../health/endpoint-health.ts";
import { probe } from "../health/probe.ts";
import { type Alternatives, final, withHealth } from "../health/with-health.ts";
import type { MountSourceStore } from "../mounts/mount-source-store.ts";
import { pushMounts } from "../mounts/push-mounts.ts";

/** Repositories of version 1 that are kept with their sessions; the least recently used one is opened anew when it comes back. */
const MAX_V1_REMOTES = 256;

/** Endpoints of which is kept how long the bodies are that they take; the least recently used one is found out again. */
const MAX_BODY_LIMITS = 256;

/** What all repositories of an engine share. */
export interface RepositoriesOptions {
  readonly registry: RegistryOptions;
  readonly credentials: CredentialSource;
  /** The transport's. */
  readonly send: Send;
  /** How patiently documents are asked for. */
  readonly backoff: BackoffPolicy;
  /** What is known of how endpoints are. */
  readonly health: EndpointHealth;
  /** Told what registries say beside their answers. */
  readonly events: EventEmitter<DistributionEvents>;
  readonly logger: Logger;
}

/** What else a walk asks beside one endpoint. */
export interface Surroundings {
  /** Default: nothing, and how the endpoint is concerns nobody. */
  readonly alternatives?: Alternatives | undefined;
  /** Whether the same host is asked over plain HTTP next. Then a failure to speak TLS is an answer, and not repeated. */
  readonly hasPlainTwin?: boolean | undefined;
}

/** What one operation says about how it wants to be known at the registry. */
export interface AccessOptions extends Surroundings {
  /** In place of the configured credentials; never for a mirror. */
  readonly auth?: Credentials | undefined;
  readonly metaHeaders?: Readonly<Record<string, string>> | undefined;
}

/** Where a push remembers and finds what can be mounted. */
export interface MountMemory {
  readonly content: Manager;
  readonly sources: MountSourceStore;
  /** Path of a repository of the same registry that has all of it. Default: nobody knows one. */
  readonly mountFrom?: string | undefined;
}

/** Finds the endpoints of a reference and opens its repository there. */
export interface Repositories extends ByHealthOptions {
  /** Where the reference may be pulled from or pushed to, in the order to try. Throws `ErrInvalidArgument`. */
  endpoints(
    reference: NormalizedReference,
    purpose: Purpose,
    options: AbortOptions,
  ): Promise<readonly Endpoint[]>;
  /** The repository at one endpoint, with the credentials that belong there and nowhere else. */
  open(
    endpoint: Endpoint,
    reference: NormalizedReference,
    access: AccessOptions,
  ): OpenRepository<RegistryRemote>;
  /** The same at an endpoint of version 1. Who is the same user there shares it, and its session. */
  openV1(
    endpoint: Endpoint,
    reference: NormalizedReference,
    access: AccessOptions,
  ): Promise<OpenRepository<V1Remote>>;
  /** The same as `open`, for writing. */
  openForPush(
    endpoint: Endpoint,
    reference: NormalizedReference,
    access: AccessOptions & MountMemory,
  ): OpenRepository<RegistryPusher>;
}

/** A repository at one endpoint. */
export interface OpenRepository<T> {
  readonly repository: T;
  /** How many HTTP answers the endpoint has given so far. */
  readonly answers: () => number;
}

/**
 * The throttle is shared by all repositories, because it is the host that asks to be left alone; credentials, challenges
 * and tokens by all operations of one identity.
 */
export function createRepositories(options: RepositoriesOptions): Repositories {
  const { registry, credentials, backoff, health, logger } = options;
  const throttled = withThrottle(withNotices(options.send, noticeListener(options)));
  const referrerTurns = new KeyedLock();
  const resolutions = new Resolutions();
  const files = new ConfigurationFiles();
  const v1Remotes = new BoundedMap<string, OpenRepository<V1Remote>>(MAX_V1_REMOTES);
  const bodyLimits = new BoundedMap<string, BodyLimit>(MAX_BODY_LIMITS);
  const trust = hostTrust(registry, files);
  const identities = new Identities({
    credentials,
    send: throttled,
    trust,
    onFailure: (host, error) =>
      logger.warn({ host, err: error }, "credentials cannot be read, going on as anonymous"),
  });

  function access(
    endpoint: Endpoint,
    { domain, path }: Pick<NormalizedReference, "domain" | "path">,
    options: AccessOptions & { readonly purpose: Purpose },
  ) {
    const { auth, metaHeaders, purpose, alternatives = "none", hasPlainTwin = false } = options;
    const origin = originOf(endpoint);
    const watched = withHealth(throttled, { health, origin, alternatives });
    const { send, answers } = observed(watched, { origin, hasPlainTwin });
    const { repository = path } = endpoint;
    const identity = identities.at(endpoint, { auth, metaHeaders, repository, purpose });
    return {
      identity,
      answers,
      send,
      source: sourceKey({
        endpoint,
        repository: `${domain}/${repository}`,
        identity: identity.key,
        alternatives,
      }),
      client: { endpoint, send: authorizedSend(send, identity.authorizer), metaHeaders },
    };
  }

  function bodyLimitOf(origin: string): BodyLimit {
    const limit = bodyLimits.get(origin) ?? new BodyLimit();
    bodyLimits.set(origin, limit);
    return limit;
  }

  return {
    health,
    probe: (endpoint) => (signal) => probe(throttled, endpoint, signal),
    endpoints: (reference, purpose, abort) =>
      lookupEndpoints(reference, registry, purpose, { ...abort, files }),
    open(endpoint, { domain, path }, accessOptions) {
      const { client, source, answers } = access(
        endpoint,
        { domain, path },
        { ...accessOptions, purpose: "pull" },
      );
      const repository = createRegistryClient({ ...client, repository: path });
      return {
        repository: new RegistryRemote(repository, { endpoint, source, backoff, resolutions }),
        answers,
      };
    },
    async openV1(endpoint, { domain, path }, accessOptions) {
      const opened = access(endpoint, { domain, path }, { ...accessOptions, purpose: "pull" });
      const { send, answers, source, identity } = opened;
      const known = v1Remotes.get(source);
      if (known) return known;
      const { authorizer } = identity;
      const { metaHeaders } = accessOptions;
      // Hardly anybody needs it.
      const { createV1Client } = await import("../../registry/v1/v1-client.ts");
      const { V1Remote } = await import("../../remotes/v1-remote.ts");
      const client = createV1Client({ endpoint, repository: path, send, authorizer, trust, metaHeaders });
      const remote = new V1Remote(client, { endpoint, source, backoff });
      const repository = v1Remotes.get(source) ?? { repository: remote, answers };
      v1Remotes.set(source, repository);
      return repository;
    },
    openForPush(endpoint, { domain, path }, { content, sources, mountFrom, ...accessOptions }) {
      const { client, source, answers, identity } = access(
        endpoint,
        { domain, path },
        { ...accessOptions, purpose: "push" },
      );
      const bodyLimit = bodyLimitOf(originOf(endpoint));
      const pushClient = createPushClient({ ...client, repository: path, bodyLimit });
      const repository: PushClient = {
        ...pushClient,
        async putManifest(...manifest) {
          const result = await pushClient.putManifest(...manifest);
          resolutions.startAnew(); // who pulls after the push must see it
          return result;
        },
        async deleteManifest(...reference) {
          await pushClient.deleteManifest(...reference);
          resolutions.startAnew();
        },
      };
      const mounts = pushMounts({
        content,
        sources,
        logger,
        target: { domain, path },
        from: mountFrom,
        credentials: () => identity.authorizer.credentials(),
      });
      const pusher = new RegistryPusher(repository, {
        endpoint,
        source,
        mounts,
        backoff,
        referrerTurns,
        onLeftover: (error) =>
          logger.warn(
            { endpoint: originOf(endpoint), err: error },
            "an upload session stays at the registry until that clears it away",
          ),
      });
      return { repository: pusher, answers };
    },
  };
}

function noticeListener({ events, logger }: RepositoriesOptions): NoticeListener {
  return {
    onRateLimit(limit) {
      logger.debug({ ...limit }, "the registry tells how many pulls are left");
      events.emit("rateLimit", limit);
    },
    onWarning(warning) {
      logger.warn({ ...warning }, "the registry warns");
      events.emit("warning", warning);
    },
  };
}

/** `send`, and how often `origin` has answered. */
function observed(
  send: Send,
  { origin, hasPlainTwin }: { readonly origin: string; readonly hasPlainTwin: boolean },
): { send: Send; answers: () => number } {
  let answers = 0;
  return {
    answers: () => answers,
    async send(request) {
      const isOwn = originOfUrl(request.url) === origin;
      try {
        const response = await send(request);
        if (isOwn) answers++;
        return response;
      } catch (error) {
        const isSettled = isOwn && hasPlainTwin && answers === 0 && tookNoPartInTls(error);
        throw isSettled ? final(error) : error;
      }
    },
  };
}
