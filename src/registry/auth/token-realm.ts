import type { AbortOptions } from "../../async/abort.ts";
import { ErrUnauthenticated } from "../../errors/classes.ts";
import { redactUrl } from "../../errors/redact-url.ts";
import { type Endpoint, originOf } from "../endpoints/endpoint.ts";
import { type HostTrust, tlsBeyond } from "../endpoints/host-trust.ts";
import type { Challenge } from "../http/challenge.ts";
import type { TlsOptions } from "../http/tls-options.ts";
import { mergeScopes, underTheirNames } from "./scopes.ts";

/** Where tokens for some scopes are to be had. */
export type TokenRealm = {
  /** Absolute http or https URL; a query of its own is kept. */
  readonly url: string;
  readonly service: string | undefined;
  /** Sorted, each one once. */
  readonly scopes: readonly string[];
  /** Whether it is at the endpoint's own origin, and so may see what only the endpoint may see. */
  readonly own: boolean;
  readonly tls: TlsOptions | undefined;
};

/** What a realm is judged by. */
export interface RealmOptions extends AbortOptions {
  readonly endpoint: Endpoint;
  /** What is known about the realm's own host. */
  readonly trust: HostTrust;
  /** Of the request that was challenged. */
  readonly scopes: readonly string[];
}

/**
 * The token realm of a bearer challenge, for the scopes of the request and those that the challenge asks for; for repositories below
 * a path of the endpoint as the challenge names them, where it does. Throws
 * `ErrUnauthenticated` for a realm that must not see a credential: missing, neither an http(s) URL nor a path at the
 * registry, with user information, or reached by plain HTTP. That is accepted at the endpoint's own origin only, and
 * of a registry that is itself not secure also at a host that is configured as such. The certificate of another host
 * is checked unless that host is insecure by itself; it sees no client certificate but one that is configured for it.
 */
export async function tokenRealm(challenge: Challenge, options: RealmOptions): Promise<TokenRealm> {
  const { endpoint, scopes } = options;
  const url = parseRealm(challenge.parameters.get("realm"), endpoint);
  const own = url.origin === originOf(endpoint);
  return {
    url: url.href,
    service: challenge.parameters.get("service"),
    scopes: scopesOf(challenge, { endpoint, scopes }),
    own,
    tls: own ? endpoint.tls : await foreignTls(url, options),
  };
}

/**
 * What a token is asked for. Below a path of its own (a project of Harbor, say) a registry may know the repository by a longer name
 * than the configuration tells, and token servers refuse a name that they do not know: the challenge says which one counts.
 */
function scopesOf(
  { parameters }: Challenge,
  { endpoint, scopes }: Pick<RealmOptions, "endpoint" | "scopes">,
): readonly string[] {
  const asked = (parameters.get("scope") ?? "").split(" ");
  const isBelowPath = new URL(endpoint.baseUrl).pathname !== "/v2";
  return mergeScopes([...(isBelowPath ? underTheirNames(scopes, asked) : scopes), ...asked]);
}

function parseRealm(realm: string | undefined, endpoint: Endpoint): URL {
  if (!realm) throw unusable(endpoint, "no realm specified for token auth challenge");
  const isOwnPath = /^\/(?![/\\])/.test(realm); // some registries name a path of their own
  if (!(isOwnPath || /^https?:\/\//i.test(realm)) || !URL.canParse(realm, endpoint.baseUrl)) {
    throw unusable(endpoint, "got a realm that is neither an http or https URL nor a path");
  }
  const url = new URL(realm, endpoint.baseUrl);
  if (url.username !== "" || url.password !== "")
    throw unusable(endpoint, "got a realm with user information");
  url.hash = "";
  return url;
}

/** How another host than the endpoint's is spoken to: by what is configured for that host. */
async function foreignTls(
  url: URL,
  { endpoint, trust, signal }: RealmOptions,
): Promise<TlsOptions | undefined> {
  if (url.protocol === "https:") return await tlsBeyond(endpoint, url.host, { trust, signal });
  const secure = new URL(endpoint.baseUrl).protocol === "https:" && !endpoint.tls?.skipVerify;
  if (secure) {
    throw unusable(endpoint, `got plain HTTP realm ${redactUrl(url)}, wanted https like the registry itself`);
  }
  if (await trust.allowsPlainHttp(url.host, { signal })) return undefined;
  throw unusable(
    endpoint,
    `got plain HTTP realm ${redactUrl(url)} at another host, which is not configured as insecure`,
  );
}

function unusable(endpoint: Endpoint, reason: string): ErrUnauthenticated {
  const origin = originOf(endpoint);
  return new ErrUnauthenticated(`Read bearer challenge of ${origin}: ${reason}`, { endpoint: origin });
}
