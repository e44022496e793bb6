import type { AbortOptions } from "../async/abort.ts";
import type { BackoffPolicy } from "../async/backoff.ts";
import type { NormalizedReference } from "../reference/reference.ts";
import type { CredentialSource } from "../registry/credentials.ts";
import { type Endpoint, originOf } from "../registry/endpoint.ts";
import { endpointSend } from "../registry/endpoint-send.ts";
import { lookupEndpoints, type RegistryOptions } from "../registry/lookup-endpoints.ts";
import { createRegistryClient } from "../registry/registry-client.ts";
import type { Send } from "../registry/send.ts";
import { withThrottle } from "../registry/with-throttle.ts";
import { RegistryRemote } from "../remotes/registry-remote.ts";
import type { PullOptions } from "./distribution.ts";

/** What all repositories of an engine share. */
export interface RepositoriesOptions {
  readonly registry: RegistryOptions;
  readonly credentials: CredentialSource;
  /** The transport's. */
  readonly send: Send;
  /** How patiently documents are asked for. */
  readonly backoff: BackoffPolicy;
}

/** Finds the endpoints of a reference and opens its repository there. */
export interface Repositories {
  /** Where the reference may be pulled from, in the order to try. Throws `ErrInvalidArgument`. */
  endpoints(reference: NormalizedReference, options: AbortOptions): Promise<readonly Endpoint[]>;
  /** The repository at one endpoint, with the credentials that belong there and nowhere else. */
  open(endpoint: Endpoint, reference: NormalizedReference, options: PullOptions): OpenRepository;
}

/** A repository at one endpoint. */
export interface OpenRepository {
  readonly remote: RegistryRemote;
  /** Whether the endpoint has given any HTTP answer so far. */
  readonly answered: () => boolean;
}

/** The throttle is shared by all repositories, because it is the host that asks to be left alone. */
export function createRepositories({
  registry,
  credentials,
  send,
  backoff,
}: RepositoriesOptions): Repositories {
  const throttled = withThrottle(send);
  return {
    endpoints: (reference, options) => lookupEndpoints(reference.domain, registry, "pull", options),
    open(endpoint, reference, { auth, metaHeaders }) {
      const origin = originOf(endpoint);
      let answered = false;
      const observed: Send = async (request) => {
        const response = await throttled(request);
        answered ||= new URL(request.url).origin === origin;
        return response;
      };
      const own = auth && !endpoint.mirror ? async () => auth : credentials;
      const client = createRegistryClient({
        endpoint,
        repository: { domain: reference.domain, path: reference.path },
        send: endpointSend({ endpoint, credentials: own, send: observed }),
        metaHeaders,
      });
      return { remote: new RegistryRemote(client, { endpoint, backoff }), answered: () => answered };
    },
  };
}
