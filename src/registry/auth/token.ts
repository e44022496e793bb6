import type { AbortOptions } from "../../async/abort.ts";
import type { Clock } from "../../async/clock.ts";
import { redactUrl } from "../../errors/redact-url.ts";
import type { Credentials } from "../credentials/credentials.ts";
import { type Endpoint, originOf } from "../endpoints/endpoint.ts";
import { mergeHeaders } from "../http/merge-headers.ts";
import type { HttpRequest, HttpResponse, Send } from "../http/send.ts";
import { USER_AGENT } from "../http/user-agent.ts";
import type { TokenRealm } from "./token-realm.ts";
import { readToken, type Token, type TokenExchange, tokenError } from "./token-response.ts";

/** Who asks for a token, and by what means. */
export type TokenOptions = AbortOptions & {
  /**
   * The registry that sent the challenge. Its headers go to a token server at its own origin (containerd),
   * and no other.
   */
  readonly endpoint: Endpoint;
  /** What the caller wants to be known by everywhere, such as `X-Meta-*` of an engine's client. */
  readonly metaHeaders?: Readonly<Record<string, string>> | undefined;
  readonly credentials: Credentials | undefined;
  /** Asks for a refresh token as well, to keep in place of the password. Default false. */
  readonly offline?: boolean | undefined;
  /** Must not authorize by itself. */
  readonly send: Send;
  readonly clock: Clock;
};

/** How we name ourselves to OAuth2 token servers. */
const CLIENT_ID = "drayage";

/**
 * Fetches a token from `realm`: with an identity token by POST (OAuth2 refresh grant), otherwise by GET, with
 * Basic authorization when there are a user and a password (moby's order). A server that knows no GET (404,
 * 405) gets the password by POST. Throws what `readToken` and `tokenError` say, and what `send` rejects with.
 */
export async function fetchToken(realm: TokenRealm, options: TokenOptions): Promise<Token> {
  const exchange: TokenExchange = {
    action: `Fetch token from ${redactUrl(realm.url)}`,
    endpoint: originOf(options.endpoint),
    requestedAtMs: options.clock.now(),
    startedAtMs: options.clock.elapsed(),
    secrets: secretsOf(options.credentials),
    signal: options.signal,
  };
  const response = await requestToken(realm, options);
  if (response.status >= 200 && response.status < 300) return readToken(response, exchange);
  throw await tokenError(response, exchange);
}

/**
 * The value of a Basic `authorization` header (RFC 7617), or `undefined` unless user and password are both
 * there.
 */
export function basicAuthorization(credentials: Credentials | undefined): string | undefined {
  const { username, password } = credentials ?? {};
  if (!username || !password) return undefined;
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

async function requestToken(realm: TokenRealm, options: TokenOptions): Promise<HttpResponse> {
  const { identityToken, username, password } = options.credentials ?? {};
  if (identityToken) {
    return postForm(realm, { grant_type: "refresh_token", refresh_token: identityToken }, options);
  }
  const response = await getToken(realm, options);
  if (!username || !password || (response.status !== 404 && response.status !== 405)) return response;
  await response.body.discard();
  return postForm(realm, { grant_type: "password", username, password }, options);
}

function getToken(realm: TokenRealm, options: TokenOptions): Promise<HttpResponse> {
  const url = new URL(realm.url);
  const basic = basicAuthorization(options.credentials);
  if (basic && options.credentials?.username) url.searchParams.set("account", options.credentials.username);
  if (realm.service !== undefined) url.searchParams.set("service", realm.service);
  for (const scope of realm.scopes) url.searchParams.append("scope", scope);
  if (options.offline) {
    url.searchParams.set("offline_token", "true");
    url.searchParams.set("client_id", CLIENT_ID);
  }
  const headers = headersFor(realm, options, basic ? { authorization: basic } : {});
  return options.send({ ...common(realm, options), method: "GET", url: url.href, headers });
}

function postForm(
  realm: TokenRealm,
  grant: Readonly<Record<string, string>>,
  options: TokenOptions,
): Promise<HttpResponse> {
  const form = new URLSearchParams({ ...grant, client_id: CLIENT_ID });
  if (realm.service !== undefined) form.set("service", realm.service);
  if (realm.scopes.length > 0) form.set("scope", realm.scopes.join(" "));
  if (options.offline) form.set("access_type", "offline");
  const headers = headersFor(realm, options, { "content-type": "application/x-www-form-urlencoded" });
  const body = form.toString();
  return options.send({
    ...common(realm, options),
    method: "POST",
    url: realm.url,
    headers,
    body,
    confidential: true,
  });
}

function common({ tls }: TokenRealm, { signal }: TokenOptions): Pick<HttpRequest, "tls" | "signal"> {
  return { tls, signal };
}

/** What a token server is told, with the header made of user and password. */
function secretsOf(credentials: Credentials | undefined): string[] {
  const { username, password, identityToken } = credentials ?? {};
  const basic = basicAuthorization(credentials)?.slice("Basic ".length);
  const inBase64 = password && Buffer.from(password).toString("base64");
  return [
    basic,
    username && password && `${username}:${password}`,
    password,
    inBase64,
    identityToken,
  ].flatMap((secret) => secret || []);
}

function headersFor(
  realm: TokenRealm,
  { endpoint, metaHeaders }: TokenOptions,
  particular: Readonly<Record<string, string>>,
): Record<string, string> {
  const ofEndpoint = realm.own ? endpoint.headers : undefined;
  return mergeHeaders({ "user-agent": USER_AGENT }, ofEndpoint, metaHeaders, particular);
}
