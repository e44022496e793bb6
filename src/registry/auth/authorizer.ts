import { type Clock, systemClock } from "../../async/clock.ts";
import { SharedCalls } from "../../async/shared-calls.ts";
import { ErrUnauthenticated } from "../../errors/classes.ts";
import type { CredentialSource, Credentials } from "../credentials/credentials.ts";
import { type Endpoint, originOf } from "../endpoints/endpoint.ts";
import type { HttpRequest, HttpResponse, Send } from "../http/send.ts";
import { type Challenge, parseChallenges } from "./challenge.ts";
import { basicAuthorization, fetchToken } from "./token.ts";
import { type TokenRealm, tokenRealm } from "./token-realm.ts";
import type { Token } from "./token-response.ts";

/** Knows how to answer one endpoint's challenges. */
export interface Authorizer {
  /**
   * The `authorization` header for `request` by what was learned so far, or `undefined`. Fetches a token when none is at
   * hand; its failure is thrown (see `fetchToken`). Requests to another origin never get one.
   */
  authorize(request: HttpRequest): Promise<string | undefined>;
  /**
   * Learns from the 401 `response` to `request` (as it was sent, with its `authorization`); true when `authorize` now has
   * something else to offer. Throws `ErrUnauthenticated` when the challenge cannot be met: no credentials for Basic, or
   * a realm that must not be used. Leaves the body alone.
   */
  challenged(request: HttpRequest, response: HttpResponse): Promise<boolean>;
}

/** What an authorizer works for and with. */
export type AuthorizerOptions = {
  readonly endpoint: Endpoint;
  /** Asked at the first challenge, and then not again. */
  readonly credentials: CredentialSource;
  /** Reaches the token server; must not authorize by itself. */
  readonly send: Send;
  readonly clock?: Clock | undefined;
};

/** A token is replaced this long before it expires, so that it does not expire on its way, in milliseconds. */
const REFRESH_AHEAD_MS = 10_000;

/** Sets of scopes that are remembered; the oldest goes. An endpoint used for more costs one 401 again, nothing else. */
const MAX_GRANTS = 256;

/**
 * Makes the authorizer of one endpoint. It knows nothing at first and learns from every 401, also late in the flow:
 * prefers Bearer over Basic, sends a `registryToken` as it is, and keeps one token per set of scopes. Tokens and
 * credentials go to the endpoint's origin and to the realm that this origin names, nowhere else.
 */
export function createAuthorizer(options: AuthorizerOptions): Authorizer {
  return new EndpointAuthorizer(options);
}

/** A token server to ask for one set of request scopes, and the last token it gave. */
type Grant = { readonly realm: TokenRealm; token: Token | undefined };

class EndpointAuthorizer implements Authorizer {
  readonly #endpoint: Endpoint;
  readonly #origin: string;
  readonly #source: CredentialSource;
  readonly #send: Send;
  readonly #clock: Clock;

  readonly #lookups = new SharedCalls<Credentials | undefined>();
  #credentials: { readonly found: Credentials | undefined } | undefined;
  /** The header for every request that has no grant: Basic credentials or a registry token. */
  #fixed: string | undefined;
  readonly #grants = new Map<string, Grant>();
  readonly #fetches = new SharedCalls<Token>();

  constructor({ endpoint, credentials, send, clock = systemClock }: AuthorizerOptions) {
    this.#endpoint = endpoint;
    this.#origin = originOf(endpoint);
    this.#source = credentials;
    this.#send = send;
    this.#clock = clock;
  }

  async authorize(request: HttpRequest): Promise<string | undefined> {
    if (!this.#owns(request.url)) return undefined;
    const key = grantKey(request);
    const grant = this.#grants.get(key);
    if (!grant) return this.#fixed;
    try {
      return `Bearer ${await this.#token(grant, request.signal)}`;
    } catch (error) {
      // The registry may name another token server next time, but only to a request that gets as far as that.
      if (!request.signal?.aborted && this.#grants.get(key) === grant) this.#grants.delete(key);
      throw error;
    }
  }

  async challenged(request: HttpRequest, response: HttpResponse): Promise<boolean> {
    // After a redirect the answer may come from elsewhere, and nobody else may direct these credentials.
    if (!this.#owns(request.url) || !this.#owns(response.url)) return false;
    const challenges = parseChallenges(response.headers["www-authenticate"]);
    const bearer = challenges.find(({ scheme }) => scheme === "bearer");
    const basic = challenges.find(({ scheme }) => scheme === "basic");
    if (!bearer && !basic) return false;

    const credentials = await this.#lookUp(request.signal);
    if (bearer && !credentials?.registryToken) return this.#grant(bearer, request);
    const authorization = bearer ? `Bearer ${credentials?.registryToken}` : basicAuthorization(credentials);
    if (authorization === undefined) throw this.#noBasicCredentials();
    this.#fixed = authorization;
    this.#grants.delete(grantKey(request));
    return sentAuthorization(request) !== authorization;
  }

  #owns(url: string): boolean {
    return URL.canParse(url) && new URL(url).origin === this.#origin;
  }

  async #lookUp(signal: AbortSignal | undefined): Promise<Credentials | undefined> {
    const host = this.#endpoint.credentialHost;
    this.#credentials ??= {
      found: await this.#lookups.run(host, (shared) => this.#source(host, { signal: shared }), { signal }),
    };
    return this.#credentials.found;
  }

  #grant(challenge: Challenge, request: HttpRequest): boolean {
    const key = grantKey(request);
    const realm = tokenRealm(challenge, request.scopes ?? [], this.#endpoint);
    const known = this.#grants.get(key);
    if (known && sameRealm(known.realm, realm)) {
      // Only the token that was refused is thrown away: another request may have brought a new one meanwhile.
      if (sentAuthorization(request) === `Bearer ${known.token?.value}`) known.token = undefined;
      return true;
    }
    this.#grants.delete(key);
    this.#grants.set(key, { realm, token: undefined });
    for (const oldest of this.#grants.keys()) {
      if (this.#grants.size <= MAX_GRANTS) break;
      this.#grants.delete(oldest);
    }
    return true;
  }

  async #token(grant: Grant, signal: AbortSignal | undefined): Promise<string> {
    const { token } = grant;
    if (token && this.#clock.now() < token.expiresAtMs - REFRESH_AHEAD_MS) return token.value;
    const credentials = await this.#lookUp(signal);
    const fetch = (shared: AbortSignal): Promise<Token> =>
      fetchToken(grant.realm, {
        endpoint: this.#endpoint,
        credentials,
        send: this.#send,
        clock: this.#clock,
        signal: shared,
      });
    grant.token = await this.#fetches.run(realmKey(grant.realm), fetch, { signal });
    return grant.token.value;
  }

  #noBasicCredentials(): ErrUnauthenticated {
    const { baseUrl, credentialHost } = this.#endpoint;
    return new ErrUnauthenticated(`Authorize at ${credentialHost}: no basic auth credentials`, {
      endpoint: baseUrl,
    });
  }
}

function sentAuthorization({ headers: { authorization } = {} }: HttpRequest): string | undefined {
  return authorization;
}

function grantKey(request: HttpRequest): string {
  return [...new Set(request.scopes)].sort().join(" ");
}

function realmKey({ url, service, scopes }: TokenRealm): string {
  return JSON.stringify([url, service, scopes]);
}

function sameRealm(one: TokenRealm, other: TokenRealm): boolean {
  return realmKey(one) === realmKey(other);
}
