import type { HttpRequest } from "./send.ts";

/** Headers whose values are secrets as a whole. */
const SECRET_HEADERS: readonly string[] = ["authorization", "proxy-authorization", "cookie"];

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
  const fromQuery = Array.from(new URL(url).searchParams)
    .filter(([name, value]) => !PLAIN_PARAMETERS.has(name) && value.length >= MIN_SIGNATURE_CHARS)
    .map(([, value]) => value);
  return [...fromHeaders, ...fromQuery];
}

/** The value without its scheme, which is no secret; of Basic also the password, and the pair as it was before. */
function secretsOfHeader(value: string): string[] {
  const [, scheme = "", token = ""] = /^(?:(\S+)\s+)?(\S.*)$/.exec(value) ?? [];
  if (token === "") return [];
  if (scheme.toLowerCase() !== "basic") return [token];
  const pair = Buffer.from(token, "base64").toString("utf8");
  return [token, pair, pair.slice(pair.indexOf(":") + 1)].filter((secret) => secret !== "");
}
