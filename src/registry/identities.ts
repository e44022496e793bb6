import { BoundedMap } from "../async/bounded-map.ts";
import { type Clock, systemClock } from "../async/clock.ts";
import { type Authorizer, createAuthorizer } from "./auth/authorizer.ts";
import { CredentialMemory } from "./credentials/credential-memory.ts";
import {
  type CredentialSource,
  type CredentialSubject,
  type Credentials,
  toldApart,
} from "./credentials/credentials.ts";
import { credentialsHash, hiddenHash } from "./credentials/credentials-hash.ts";
import type { Endpoint } from "./endpoints/endpoint.ts";
import type { HostTrust } from "./endpoints/host-trust.ts";
import { mergeHeaders } from "./http/merge-headers.ts";
import type { Send } from "./http/send.ts";
import { withRedirect } from "./http/with-redirect.ts";

/** Who we are at one endpoint, shared by all who are the same there. */
export interface Identity {
  /**
   * Equal for those who are served alike: the same endpoint, TLS options and headers, and credentials of the
   * same origin. A hash that tells nothing else; it differs from process to process.
   */
  readonly key: string;
  readonly authorizer: Authorizer;
}

/** What one operation says about who it is. */
export interface IdentityOptions extends CredentialSubject {
  /** In place of the configured credentials; never for a mirror. */
  readonly auth?: Credentials | undefined;
  /** Part of the identity: a token server may look at them. */
  readonly metaHeaders?: Readonly<Record<string, string>> | undefined;
}

/** What identities are made of. */
export interface IdentitiesOptions {
  readonly credentials: CredentialSource;
  /** Throttled, shared by all endpoints; reaches the token servers. */
  readonly send: Send;
  readonly trust?: HostTrust | undefined;
  readonly clock?: Clock | undefined;
  /** See `CredentialMemoryOptions`. */
  readonly onFailure?: ((host: string, error: unknown) => void) | undefined;
}

/**
 * Identities that are kept; the least recently used one is forgotten with its tokens, and learned anew when
 * it comes back.
 */
const MAX_IDENTITIES = 256;

/**
 * The identities of an engine. What one operation learns (credentials, challenges, tokens) is there for the
 * next one of the same identity, and for no other. There is nothing to close.
 */
export class Identities {
  readonly #options: IdentitiesOptions;
  readonly #configured: CredentialMemory;
  readonly #known = new BoundedMap<string, Identity>(MAX_IDENTITIES);

  constructor(options: IdentitiesOptions) {
    this.#options = options;
    this.#configured = new CredentialMemory(options.credentials, options);
  }

  /** The identity of an operation at `endpoint`. */
  at(endpoint: Endpoint, options: IdentityOptions = {}): Identity {
    const key = this.#keyOf(endpoint, options);
    const known = this.#known.get(key);
    if (known) return known;
    const identity = { key, authorizer: this.#authorizer(endpoint, options) };
    this.#known.set(key, identity);
    return identity;
  }

  #authorizer(endpoint: Endpoint, { auth, metaHeaders, ...subject }: IdentityOptions): Authorizer {
    const { send, trust, clock = systemClock } = this.#options;
    const own = isOwn(endpoint) ? auth : undefined;
    const memory = own ? new CredentialMemory(async () => own, { clock }) : this.#configured;
    return createAuthorizer({
      endpoint,
      credentials: memory.at(endpoint.credentialHost, subject),
      send: withRedirect(send),
      trust,
      metaHeaders,
      clock,
    });
  }

  #keyOf(endpoint: Endpoint, { auth, metaHeaders, ...subject }: IdentityOptions): string {
    const { baseUrl, mirror, namespace, credentialHost, headers, tls } = endpoint;
    const { repository, purpose } = toldApart(this.#options.credentials, subject);
    const who = auth && isOwn(endpoint) ? credentialsHash(auth) : ["configured", repository, purpose];
    const { skipVerify, ca, cert, key } = tls ?? {};
    const seen = [sorted(headers), sorted(metaHeaders), skipVerify, ca, cert, key];
    return hiddenHash([baseUrl, mirror, namespace, credentialHost, who, ...seen]);
  }
}

/** Whether credentials that were given for the registry of a reference are for this endpoint. */
function isOwn({ mirror, foreign = false }: Endpoint): boolean {
  return !mirror && !foreign;
}

function sorted(headers: Readonly<Record<string, string>> | undefined): [string, string][] {
  return Object.entries(mergeHeaders(headers)).toSorted(([a], [b]) => (a < b ? -1 : 1));
}
