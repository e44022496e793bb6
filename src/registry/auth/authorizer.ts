import { type AbortOptions, throwIfAborted } from "../../async/abort.ts";
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
import type { Challenge } from "../http/challenge.ts";
import type { HttpRequest, HttpResponse, Send } from "../http/send.ts";
import { originOfUrl } from "../http/url-origin.ts";
import { withRedirect } from "../http/with-redirect.ts";
import { CredentialsInUse } from "./credentials-in-use.ts";
import { type Grant, Grants, type HintFailure, type Lesson, type Offers } from "./grants.ts";
import { bearer, IdentityTokens } from "./identity-tokens.ts";
import { asksTheSame, bestChallenge, knownChallenges, offersFor } from "./offers.ts";
import { BARE_REFUSALS, challengesOf, HIDING_STATUSES, sentAuthorization } from "./refusal.ts";
import { RootChallenges } from "./root-challenges.ts";
import { basicAuthorization } from "./token.ts";

/** Knows how to answer one endpoint's challenges, for all who are the same user there. */
export interface Authorizer {
  /**
   * Called by each operation before its first request: looks whether what was learned by others is still for
   * the credentials in use. Rejects with the error of the source of credentials, with `endpoint`.
   */
  begin(request: HttpRequest): Promise<void>;
  /**
   * Looks up at the endpoint's API root, by `send`, what `request` will be asked for, unless that is known. What comes of it is a
   * hint: what cannot be done with it is left to the answer to the request itself. Rejects when the root cannot be asked.
   */
  prepare(request: HttpRequest, send: Send): Promise<void>;
  /**
   * The `authorization` header for `request` by what was learned so far, or `undefined`. Fetches a token when
   * none is at hand; its failure is thrown (see `fetchToken`), that of a hint only when the request is refused without.
   * Requests to another origin never get one.
   */
  authorize(request: HttpRequest): Promise<string | undefined>;
  /**
   * Learns from a refusal of `request` (as it was sent, with its `authorization`): a 401 with a challenge, a 403 that
   * names the scope which is missing, or a bare 400, 401, 403 or 404 that may hide one. True when `authorize` now has
   * something else to offer. Throws `ErrUnauthenticated` when the challenge cannot be met: no credentials for Basic,
   * or a realm that must not be used; and the error of the source of credentials, with `endpoint`. Leaves the body
   * alone.
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
  /**
   * What is asked, whose challenges are answered.
   * @example endpoint
   */
  readonly endpoint: Endpoint;
  /**
   * Asked at the first challenge; see `CredentialMemory` for when it is asked again.
   * @example credentials: async () => ({ username: "jane", password: "correct horse" })
   */
  readonly credentials: CredentialSource | CredentialLookup;
  /**
   * Reaches the token server; must not authorize by itself.
   * @example send
   */
  readonly send: Send;
  /**
   * What is configured about the hosts of token servers.
   * @defaultValue nothing, only loopback hosts are insecure
   * @example trust: hostTrust({ insecureRegistries: ["registry.internal:5000"] })
   */
  readonly trust?: HostTrust | undefined;
  /**
   * Sent with token requests too.
   * @defaultValue none
   * @example metaHeaders: { "X-Meta-Tenant": "7" }
   */
  readonly metaHeaders?: Readonly<Record<string, string>> | undefined;
  /**
   * Tells until when a token is good.
   * @defaultValue the machine's
   * @avoid outside of tests
   * @example clock
   */
  readonly clock?: Clock | undefined;
};

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
  readonly #root: RootChallenges;
  readonly #grants = new Grants();

  constructor({ clock = systemClock, trust = hostTrust(), ...options }: AuthorizerOptions) {
    const { endpoint, credentials } = options;
    this.#options = { ...options, clock, trust };
    this.#origin = originOf(endpoint);
    const lookup =
      typeof credentials === "function"
        ? new CredentialMemory(credentials, { clock }).at(endpoint.credentialHost)
        : credentials;
    this.#credentials = new CredentialsInUse({ lookup, clock, endpoint: this.#origin });
    this.#tokens = new IdentityTokens({ ...options, clock, credentials: this.#credentials });
    this.#root = new RootChallenges({ ...options, clock });
  }

  async begin(request: HttpRequest): Promise<void> {
    if (this.#grants.for(request)) await this.#credentials.find(request);
  }

  async prepare(request: HttpRequest, send: Send): Promise<void> {
    if (!this.#owns(request.url) || this.#grants.for(request)) return;
    const challenges = await this.#root.find(withRedirect(send), request);
    if (challenges.length === 0) return;
    try {
      const found = await this.#credentials.find(request, bestChallenge(challenges));
      const offers = await this.#offers(challenges, request, found);
      this.#adopt({ request, challenges, found, offers, isHint: true });
    } catch (error) {
      throwIfAborted(request.signal);
      const hash = this.#credentials.found?.hash ?? "";
      this.#grants.keepFailure({ request, challenges, failure: this.#failure(error), hash });
    }
  }

  async authorize(request: HttpRequest): Promise<string | undefined> {
    if (!this.#owns(request.url)) return undefined;
    const grant = this.#grants.for(request);
    if (!grant) return undefined;
    try {
      return await this.#header(grant, request);
    } catch (error) {
      if (request.signal?.aborted) throw error;
      if (this.#grants.failHint(grant, this.#failure(error))) return undefined;
      // The registry may name another token server next time, but only to a request that gets as far as that.
      this.#grants.forget(request, grant);
      throw error;
    }
  }

  async challenged(request: HttpRequest, response: HttpResponse): Promise<boolean> {
    // After a redirect the answer may come from elsewhere, and nobody else may direct these credentials.
    if (!this.#owns(request.url) || !this.#owns(response.url)) return false;
    const { status } = response;
    const challenges = challengesOf(response);
    const known = knownChallenges(challenges);
    this.#throwFailedHint(request, status, known);
    if (known.length > 0) return await this.#learn(known, request);
    if (challenges.length > 0) return false; // it wants something that nobody here can give
    if (sentAuthorization(request) === undefined) {
      return HIDING_STATUSES.has(status) && (await this.#reveal(request, status));
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

  /** Throws why nothing came of a hint just now, when the request that went out without is refused for the same. */
  #throwFailedHint(request: HttpRequest, status: number, known: readonly Challenge[]): void {
    const grant = this.#grants.for(request);
    if (grant?.failure === undefined || sentAuthorization(request) !== undefined) return;
    const isMeant = status === 401 || this.#credentials.found?.credentials !== undefined;
    if (!isMeant || !HIDING_STATUSES.has(status)) return;
    if (known.length > 0 && !asksTheSame(known, grant.challenges)) return;
    this.#grants.forget(request, grant);
    if (this.#credentials.isNew(grant.failure.atMs)) throw grant.failure.error;
  }

  #failure(error: unknown): HintFailure {
    return { error, atMs: this.#options.clock.elapsed() };
  }

  #owns(url: string): boolean {
    return URL.canParse(url) && originOfUrl(url) === this.#origin;
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
    let found = await this.#credentials.find(request, bestChallenge(challenges));
    if (sent !== undefined && isHeaderOf(sent, found))
      found = await this.#credentials.replace(found, request);
    const offers = await this.#offers(challenges, request, found).catch((error: unknown) => {
      // To what we sent the registry has something to say itself.
      if (sent === undefined || request.signal?.aborted) throw error;
      return [];
    });
    const again = this.#adopt({ request, challenges, found, offers });
    if (!again) this.#grants.forget(request, this.#grants.for(request));
    return again;
  }

  /** Takes offers over; true when the best one is something else than what was refused. */
  #adopt(lesson: Lesson): boolean {
    const { request, found } = lesson;
    const sent = sentAuthorization(request);
    const grant = this.#grants.learn(lesson);
    const [offer] = grant.left;
    if (!offer) return false;
    this.#grants.keep(request, grant, { general: offer.kind === "fixed" && sent === undefined });
    if (offer.kind === "fixed") return sent !== offer.authorization;
    this.#tokens.drop({ realm: offer.realm, hash: found.hash }, sent);
    return true;
  }

  /**
   * Looks behind a refusal that may be the one for strangers. Whatever goes wrong, the refusal is a good
   * answer too.
   */
  async #reveal(request: HttpRequest, status: number): Promise<boolean> {
    try {
      const found = await this.#credentials.find(request);
      // Only a 401 says that a stranger may have to do something as well, and not what.
      if (!found.credentials && status !== 401) return false;
      const challenges = await this.#root.findBehind(this.#options.send, request);
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
    const offer = this.#grants.for(request)?.left[0];
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
      if (this.#grants.isGeneral(grant)) return undefined; // a token is for the scopes of one request
      try {
        const token = await this.#tokens.token(offer.realm, request);
        grant.isHint = false; // the token server knows what it is about
        return bearer(token);
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
      grant.failure = undefined;
    }
    return grant.left;
  }
}

/** Whether a header was made of these credentials alone. */
function isHeaderOf(authorization: string, { credentials }: FoundCredentials): boolean {
  return [basicAuthorization(credentials), `Bearer ${credentials?.registryToken}`].includes(authorization);
}
