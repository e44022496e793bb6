import { ErrUnauthenticated } from "../../errors/classes.ts";
import { redactUrl } from "../../errors/redact-url.ts";
import { type Endpoint, originOf } from "../endpoints/endpoint.ts";
import type { Challenge } from "./challenge.ts";

/** Where tokens for some scopes are to be had. */
export type TokenRealm = {
  /** Absolute http or https URL; a query of its own is kept. */
  readonly url: string;
  readonly service: string | undefined;
  /** Sorted, each one once. */
  readonly scopes: readonly string[];
};

/**
 * The token realm of a bearer challenge, for the scopes of the request and those that the challenge asks for. Throws
 * `ErrUnauthenticated` for a realm that must not see a credential: missing, not an absolute http(s) URL, with user
 * information, or plain HTTP where the registry itself speaks HTTPS.
 */
export function tokenRealm(
  challenge: Challenge,
  requestScopes: readonly string[],
  endpoint: Endpoint,
): TokenRealm {
  const realm = challenge.parameters.get("realm");
  const scopes = [...requestScopes, ...(challenge.parameters.get("scope") ?? "").split(" ")];
  return {
    url: checkRealm(realm, endpoint),
    service: challenge.parameters.get("service"),
    scopes: [...new Set(scopes.filter((scope) => scope !== ""))].sort(),
  };
}

function checkRealm(realm: string | undefined, endpoint: Endpoint): string {
  const fail = (reason: string): ErrUnauthenticated =>
    new ErrUnauthenticated(`Read bearer challenge of ${originOf(endpoint)}: ${reason}`, {
      endpoint: endpoint.baseUrl,
    });

  if (!realm) throw fail("no realm specified for token auth challenge");
  if (!/^https?:\/\//i.test(realm) || !URL.canParse(realm)) {
    throw fail("got a realm that is not an absolute http or https URL");
  }
  const url = new URL(realm);
  if (url.username !== "" || url.password !== "") throw fail("got a realm with user information");
  if (url.protocol === "http:" && new URL(endpoint.baseUrl).protocol === "https:") {
    throw fail(`got plain HTTP realm ${redactUrl(url)}, wanted https like the registry itself`);
  }
  url.hash = "";
  return url.href;
}
