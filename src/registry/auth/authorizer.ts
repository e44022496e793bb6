import { type AbortOptions, throwIfAborted } from "../../async/abort.ts";
import { BoundedMap } from "../../async/bounded-map.ts";
import { type Clock, systemClock } from "../../async/clock.ts";
import { isRetryable } from "../../errors/predicates.ts";
import {
  type CredentialLookup,
  CredentialMemory,
  type FoundCredentials,
} from "../credentials/credential-memory.ts";
import type { CredentialSource, Credentials } from "../credentials/credentials.ts";
import { type Endpoint, originOf } from "../endpoints/endpoint.ts";
import { type HostTrust, hostTrust } from "../endpoints/host-trust.ts";
import type { HttpRequest, HttpResponse, Send } from "../http/send.ts";
import { type Challenge, parseChallenges } from "./challenge.ts";
import { CredentialsInUse } from "./credentials-in-use.ts";
import { HiddenChallenges } from "./hidden-challenges.ts";
import { bearer, IdentityTokens } from "./identity-tokens.ts";
import { knownChallenges, type Offer, offersFor } from "./offers.ts";
import { basicAuthorization } from "./token.ts";

/** Knows how to answer one endpoint's challenges, for all who are the same user there. */
export interface Authorizer {
  /**
   * Called by each operation before its first request: looks whether what was learned by others is still for
   * the credentials in use. Rejects with the error of the source of credentials, with `endpoint`.
   */
  begin(request: HttpRequest): Promise<void>;
  /**
   * The `authorization` header for `request` by what was learned so far, or `undefined`. Fetches a token when
   * none is at hand; its failure is thrown (see `fetchToken`). Requests to another origin never get one.
   */
  authorize(request: HttpRequest): Promise<string | undefined>;
  /**
   * Learns from a refusal of `request` (as it was sent, with its `authorization`): a 401 with a challenge, or
   * a bare 400, 401, 403 or 404 that may hide one. True when `authorize` now has something else to offer.
   * Throws `ErrUnauthenticated` when the challenge cannot be met: no credentials for Basic, or a realm that
   * must not be used; and the error of the source of credentials, with `endpoint`. Leaves the body alone.
   */
  challenged(request: HttpRequest, response: HttpResponse): Promise<boolean>;
  /**
   * The credentials in use, found now if there are none yet; `undefined` is anonymous. Rejects with the error
   * of the source, with `endpoint`.
   */
  credentials(options?: AbortOptions): Promise<Credentials | undefined>;
  /**
   * Told of a 401 to the best that there was to offer: the credentials in use are not trusted any further.
   */
  refused(): void;
  /** Why requests go as anonymous although there may be credentials, for people; see `StoredCredentials`. */
  whyAnonymous(): string | undefined;
}

/** What an authorizer works for and with. */
export type AuthorizerOptions = {
  readonly endpoint: Endpoint;
  /** Asked at the first challenge; see `CredentialMemory` for when it is asked again. */
  readonly credentials: CredentialSource | CredentialLookup;
  /** Reaches the token server; must not authorize by itself. */
  readonly send: Send;
  /**
   * What is configured about the hosts of token servers. Default: nothing, only loopback hosts are insecure.
   */
  readonly trust?: HostTrust | undefined;
  /** Sent with token requests too. */
  readonly metaHeaders?: Readonly<Record<string, string>> | undefined;
  readonly clock?: Clock | undefined;
};

/** Sets of scopes whose challenge is remembered; the least recently used goes, which costs one 401 again. */
const MAX_GRANTS = 256;

/** Refusals without a challenge that may mean that what we sent has expired: ECR says 403, ECR Public 400. */
const BARE_REFUSALS: ReadonlySet<number> = new Set([400, 401, 403]);

/** Answers to a stranger that may hide what somebody else would get. */
const HIDING_STATUSES: ReadonlySet<number> = new Set([401, 403, 404]);

/**
 * Makes the authorizer of one user at one endpoint. It knows nothing at first and learns from every refusal,
 * also late in the flow: prefers Bearer over Basic, sends a `registryToken` as it is, and keeps one token per
 * set of scopes. Tokens and credentials go to the endpoint's origin and to the realm that this origin names,
 * nowhere else.
 */
export function createAuthorizer(options: AuthorizerOptions): Authorizer {
  return new EndpointAuthorizer(options);
}

class EndpointAuthorizer implements Authorizer {
  readonly #options: AuthorizerOptions & { readonly clock: Clock; readonly trust: HostTrust };
  readonly #origin: string;
  readonly #credentials: CredentialsInUse;
  readonly #tokens: IdentityTokens;
  readonly #hidden: HiddenChallenges;
  readonly #grants = new BoundedMap<string, Grant>(MAX_GRANTS);
  /**
   * For requests without a grant, of an endpoint that takes the same header for all: Basic, or a registry
   * token.
   */
  #general: Grant | undefined;

  constructor({ clock = systemClock, trust = hostTrust(), ...options }: AuthorizerOptions) {
    const { endpoint, credentials } = options;
    this.#options = { ...options, clock, trust };
    this.#origin = originOf(endpoint);
    const lookup =
      typeof credentials === "function"
        ? new CredentialMemory(credentials, { clock }).at(endpoint.credentialHost, undefined)
        : credentials;
    this.#credentials = new CredentialsInUse({ lookup, clock, endpoint: this.#origin });
    this.#tokens = new IdentityTokens({ ...options, clock, credentials: this.#credentials });
    this.#hidden = new HiddenChallenges({ ...options, clock });
  }

  async begin(request: HttpRequest): Promise<void> {
    if (this.#grantFor(request)) await this.#credentials.find(request);
  }

  async authorize(request: HttpRequest): Promise<string | undefined> {
    if (!this.#owns(request.url)) return undefined;
    const grant = this.#grantFor(request);
    if (!grant) return undefined;
    try {
      return await this.#header(grant, request);
    } catch (error) {
      // The registry may name another token server next time, but only to a request that gets as far as that.
      if (!request.signal?.aborted) this.#forgetGrant(request, grant);
      throw error;
    }
  }

  async challenged(request: HttpRequest, response: HttpResponse): Promise<boolean> {
    // After a redirect the answer may come from elsewhere, and nobody else may direct these credentials.
    if (!this.#owns(request.url) || !this.#owns(response.url)) return false;
    const { status } = response;
    const challenges = status === 401 ? parseChallenges(response.headers["www-authenticate"]) : [];
    const known = knownChallenges(challenges);
    if (known.length > 0) return await this.#learn(known, request);
    if (challenges.length > 0) return false; // it wants something that nobody here can give
    if (sentAuthorization(request) === undefined) {
      return HIDING_STATUSES.has(status) && (await this.#reveal(request));
    }
    return BARE_REFUSALS.has(status) && (await this.#renew(request));
  }

  async credentials({ signal }: AbortOptions = {}): Promise<Credentials | undefined> {
    return (await this.#credentials.find({ signal })).credentials;
  }

  refused(): void {
    this.#credentials.forget();
  }

  whyAnonymous(): string | undefined {
    return this.#credentials.whyAnonymous();
  }

  #owns(url: string): boolean {
    return URL.canParse(url) && new URL(url).origin === this.#origin;
  }

  #grantFor(request: HttpRequest): Grant | undefined {
    return this.#grants.get(grantKey(request)) ?? this.#general;
  }

  #forgetGrant(request: HttpRequest, grant: Grant | undefined): void {
    const key = grantKey(request);
    if (this.#grants.get(key) === grant) this.#grants.delete(key);
    if (this.#general === grant) this.#general = undefined;
  }

  #offers(
    challenges: readonly Challenge[],
    { scopes = [], signal }: Pick<HttpRequest, "scopes" | "signal">,
    found: FoundCredentials,
  ): Promise<Offers> {
    const { endpoint, trust } = this.#options;
    return offersFor(challenges, { endpoint, trust, found, scopes, signal });
  }

  async #learn(challenges: readonly Challenge[], request: HttpRequest): Promise<boolean> {
    const sent = sentAuthorization(request);
    let found = await this.#credentials.find(request);
    if (sent !== undefined && isHeaderOf(sent, found))
      found = await this.#credentials.replace(found, request);
    const offers = await this.#offers(challenges, request, found).catch((error: unknown) => {
      // To what we sent the registry has something to say itself.
      if (sent === undefined || request.signal?.aborted) throw error;
      return [];
    });
    const again = this.#adopt({ request, challenges, found, offers });
    if (!again) this.#forgetGrant(request, this.#grantFor(request));
    return again;
  }

  /** Takes offers over; true when the best one is something else than what was refused. */
  #adopt({ request, challenges, found, offers }: Lesson): boolean {
    const sent = sentAuthorization(request);
    const known = this.#grants.get(grantKey(request));
    const { scopes = [] } = request;
    const same = known?.hash === found.hash && sameOffers(known.all, offers);
    const grant = same ? known : { challenges, scopes, hash: found.hash, all: offers, left: offers };
    const [best] = grant.left;
    if (!best) return false;
    this.#grants.set(grantKey(request), grant);
    if (best.kind === "fixed") {
      if (sent === undefined) this.#general = grant;
      return sent !== best.authorization;
    }
    this.#tokens.drop({ realm: best.realm, hash: found.hash }, sent);
    return true;
  }

  /**
   * Looks behind a refusal that may be the one for strangers. Whatever goes wrong, the refusal is a good
   * answer too.
   */
  async #reveal(request: HttpRequest): Promise<boolean> {
    try {
      const found = await this.#credentials.find(request);
      if (!found.credentials) return false;
      const challenges = await this.#hidden.find(request);
      if (challenges.length === 0) return false;
      const offers = await this.#offers(challenges, request, found);
      return this.#adopt({ request, challenges, found, offers });
    } catch (error) {
      throwIfAborted(request.signal);
      this.#credentials.note(error);
      return false;
    }
  }

  /**
   * Replaces what was sent and has perhaps expired; false when it was got just now, or there is nothing else.
   */
  async #renew(request: HttpRequest): Promise<boolean> {
    const sent = sentAuthorization(request);
    const offer = this.#grantFor(request)?.left[0];
    const { found } = this.#credentials;
    if (!offer || !found) return false;
    if (offer.kind === "token") {
      return this.#tokens.drop({ realm: offer.realm, hash: found.hash }, sent, { unlessNew: true });
    }
    if (sent !== offer.authorization || this.#credentials.isNew(found.foundAtMs)) return false;
    return (await this.#credentials.replace(found, request)).hash !== found.hash;
  }

  async #header(grant: Grant, request: HttpRequest): Promise<string | undefined> {
    const failures: unknown[] = [];
    for (const offer of await this.#current(grant)) {
      if (offer.kind === "fixed") return offer.authorization;
      if (grant === this.#general) return undefined; // a token is for the scopes of one request
      try {
        return bearer(await this.#tokens.token(offer.realm, request));
      } catch (error) {
        throwIfAborted(request.signal);
        failures.push(error);
        if (isRetryable(error)) break;
        grant.left = grant.left.filter((other) => other !== offer);
      }
    }
    if (failures.length > 0) throw failures[0];
    return undefined;
  }

  /** The offers of a grant for the credentials in use: made anew when those have changed. */
  async #current(grant: Grant): Promise<Offers> {
    const { found } = this.#credentials;
    if (found && grant.hash !== found.hash) {
      grant.all = await this.#offers(grant.challenges, grant, found).catch(() => []);
      grant.left = grant.all;
      grant.hash = found.hash;
    }
    return grant.left;
  }
}

type Offers = readonly Offer[];

/** What was learned for one set of request scopes. */
type Grant = {
  readonly challenges: readonly Challenge[];
  /** Of the request that was challenged. */
  readonly scopes: readonly string[];
  /** Of the credentials that the offers are for. */
  hash: string;
  all: Offers;
  /** Best first; those that failed for good are taken out. */
  left: Offers;
};

/** A refusal, and what can be done about it. */
type Lesson = {
  readonly request: HttpRequest;
  readonly challenges: readonly Challenge[];
  readonly found: FoundCredentials;
  readonly offers: Offers;
};

function sentAuthorization({ headers: { authorization } = {} }: HttpRequest): string | undefined {
  return authorization;
}

function grantKey(request: HttpRequest): string {
  return [...new Set(request.scopes)].sort().join(" ");
}

/** Whether a header was made of these credentials alone. */
function isHeaderOf(authorization: string, { credentials }: FoundCredentials): boolean {
  return [basicAuthorization(credentials), `Bearer ${credentials?.registryToken}`].includes(authorization);
}

function sameOffers(one: Offers, other: Offers): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
