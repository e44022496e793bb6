import type { HttpRequest } from "./send.ts";

/** Headers whose values are secrets as a whole. */
const SECRET_HEADERS: readonly string[] = ["authorization", "proxy-authorization"];

/** Parameters of the distribution API and of token servers that anybody may see. */
const PLAIN_PARAMETERS: ReadonlySet<string> = new Set([
  "account",
  "artifactType",
  "client_id",
  "digest",
  "from",
  "last",
  "mount",
  "n",
  "ns",
  "offline_token",
  "scope",
  "service",
]);

/** Shortest value of another parameter that can be a signature, in characters. */
const MIN_SIGNATURE_CHARS = 8;

/** What the server of a request has been told and might repeat, but no message may show. */
export function requestSecrets({ headers = {}, url }: HttpRequest): readonly string[] {
  const fromHeaders = SECRET_HEADERS.flatMap((name) => secretsOfHeader(headers[name] ?? ""));
  const fromQuery = Array.from(url.includes("?") ? new URL(url).searchParams : [])
    .filter(([name, value]) => !PLAIN_PARAMETERS.has(name) && value.length >= MIN_SIGNATURE_CHARS)
    .map(([, value]) => value);
  return [...fromHeaders, ...secretsOfCookies(headers["cookie"] ?? ""), ...fromQuery];
}

/** Each pair of a `Cookie` header, and its value alone. */
function secretsOfCookies(value: string): string[] {
  const pairs = value.split(/;\s*/).filter((pair) => pair !== "");
  return pairs.flatMap((pair) => [pair, pair.slice(pair.indexOf("=") + 1)]);
}

/**
 * The value without its scheme, which is no secret; of Basic also the password, and the pair as it was before; of a `Token` of
 * version 1 also the signature in it.
 */
function secretsOfHeader(value: string): string[] {
  const [, scheme = "", token = ""] = /^(?:(\S+)\s+)?(\S.*)$/.exec(value) ?? [];
  if (token === "") return [];
  if (scheme.toLowerCase() === "token") return [token, ...signaturesIn(token)];
  if (scheme.toLowerCase() !== "basic") return [token];
  const pair = Buffer.from(token, "base64").toString("utf8");
  return [token, pair, pair.slice(pair.indexOf(":") + 1)].filter((secret) => secret !== "");
}

function signaturesIn(token: string): string[] {
  return Array.from(token.matchAll(/signature="?([^",;\s]+)/gi), ([, signature = ""]) => signature);
}
