import { type AbortOptions, throwIfAborted } from "../async/abort.ts";
import { type Clock, systemClock } from "../async/clock.ts";
import { errorFromResponse } from "./answers/error-response.ts";
import { challengesAtRoot, type Offer, offersFor } from "./auth/offers.ts";
import { fetchToken } from "./auth/token.ts";
import type { Credentials } from "./credentials/credentials.ts";
import { credentialsHash } from "./credentials/credentials-hash.ts";
import { rootAddress } from "./endpoints/api-root.ts";
import type { Endpoint } from "./endpoints/endpoint.ts";
import { type HostTrust, hostTrust } from "./endpoints/host-trust.ts";
import { mergeHeaders } from "./http/merge-headers.ts";
import type { HttpRequest, HttpResponse, Send } from "./http/send.ts";
import { USER_AGENT } from "./http/user-agent.ts";
import { withRedirect } from "./http/with-redirect.ts";

/** How a login is checked. */
export interface CheckLoginOptions extends AbortOptions {
  /**
   * Reaches the registry and its token server; must not authorize by itself.
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
   * Tells until when a token is good.
   * @defaultValue the machine's
   * @avoid outside of tests
   * @example clock
   */
  readonly clock?: Clock | undefined;
}

/** A login that the registry has nothing against. */
export interface CheckedLogin {
  /** What to keep: an identity token in the place of the password, where the token server gives one. */
  readonly credentials: Credentials;
  /** Whether the registry has looked at them: one that asks nobody for anything knows nobody. */
  readonly checked: boolean;
}

/**
 * Asks the root of an endpoint's API with `credentials`, in every way that the registry offers, best first. Throws what the
 * registry answers (`errorFromResponse`), or the token server (`fetchToken`), or `ErrUnauthenticated` when the challenge
 * cannot be met with such credentials; of several refusals the first.
 */
export async function checkLogin(
  endpoint: Endpoint,
  credentials: Credentials,
  options: CheckLoginOptions,
): Promise<CheckedLogin> {
  const { clock = systemClock, trust = hostTrust(), signal } = options;
  const send = withRedirect(options.send);
  const request = rootRequest(endpoint, { signal });
  const first = await send(request);
  const challenges = new URL(first.url).origin === new URL(request.url).origin ? challengesAtRoot(first) : [];
  if (challenges.length === 0 && !isSuccess(first)) {
    throw await errorFromResponse(request, first, clock);
  }
  await first.body.discard();
  if (challenges.length === 0) return { credentials, checked: false };

  const found = { credentials, hash: credentialsHash(credentials), foundAtMs: clock.elapsed() };
  const failures: unknown[] = [];
  for (const offer of await offersFor(challenges, { endpoint, trust, found, scopes: [], signal })) {
    try {
      const { authorization, refreshToken } = await answerTo(offer);
      await ask(authorization);
      return { credentials: keptOf(credentials, refreshToken), checked: true };
    } catch (error) {
      failures.push(error);
      throwIfAborted(signal);
    }
  }
  throw failures[0];

  async function answerTo(offer: Offer) {
    if (offer.kind === "fixed") return { authorization: offer.authorization };
    const token = await fetchToken(offer.realm, {
      endpoint,
      credentials,
      send,
      clock,
      offline: true,
      signal,
    });
    return { authorization: `Bearer ${token.value}`, refreshToken: token.refreshToken };
  }

  async function ask(authorization: string): Promise<void> {
    const authorized = { ...request, headers: { ...request.headers, authorization } };
    const response = await send(authorized);
    if (response.status !== 200) throw await errorFromResponse(authorized, response, clock);
    await response.body.discard();
  }
}

function isSuccess({ status }: HttpResponse): boolean {
  return status >= 200 && status < 300;
}

function rootRequest(endpoint: Endpoint, { signal }: AbortOptions): HttpRequest {
  const { tls, connectTimeoutMs } = endpoint;
  const headers = mergeHeaders({ "user-agent": USER_AGENT }, endpoint.headers);
  return { method: "GET", url: rootAddress(endpoint), headers, tls, connectTimeoutMs, signal };
}

/** As docker keeps it: the user stays, for people, and the password goes. */
function keptOf(credentials: Credentials, identityToken: string | undefined): Credentials {
  const { username } = credentials;
  if (identityToken === undefined) return credentials;
  return { ...(username === undefined ? {} : { username }), identityToken };
}
