import { throwIfAborted } from "../../async/abort.ts";
import { ErrNoSupport } from "../../errors/classes.ts";
import { errorFromResponse } from "../answers/error-response.ts";
import { basicAuthorization } from "../auth/token.ts";
import { originOf } from "../endpoints/endpoint.ts";
import { parseJson, untrustedFields } from "../http/parse-json.ts";
import { type Asker, type HttpRequest, type HttpResponse, headerOf } from "../http/send.ts";
import { namedHosts, ownHost, type V1Host } from "./v1-endpoints.ts";
import type { V1Options, V1Requests } from "./v1-requests.ts";

/** Longest part of a ping's body that is looked at, in bytes. */
const MAX_PING_BYTES = 4 * 1024;

/** Longest token that is sent back, in characters; docker-registry's have about a hundred. */
const MAX_TOKEN_CHARS = 4_096;

/** What an index has let us in with. */
export interface Admission {
  /** Whether the registry needs no index, and so no tokens. */
  readonly standalone: boolean;
  /** The header made of our credentials; for the endpoint's own origin only. */
  readonly basic: string | undefined;
  /** For all hosts that the index names: they are who it is made for. */
  readonly token: string | undefined;
  /** Where the images are, best first. */
  readonly hosts: readonly V1Host[];
  readonly atMs: number;
  /** By base URL of the host: whether a session was opened there, once that is known; a host that gave no answer is taken out. */
  readonly sessions: Map<string, Promise<boolean>>;
}

/**
 * Asks the index of a repository to let us in. Credentials are looked up once somebody speaks version 1 there, and shown to
 * the index, because version 1 has no challenge to wait for. Throws `ErrNoSupport` where nobody speaks it, `ErrNotFound` for a
 * repository that is not there, and other failed answers as `errorFromResponse` makes them.
 */
export async function enter(requests: V1Requests, options: V1Options, asker: Asker): Promise<Admission> {
  const { endpoint, repository, authorizer, trust, clock } = options;
  const pong = await ping(requests, options, asker);
  const basic = basicAuthorization(await authorizer.credentials(asker));
  const isRefused = pong.status === 401 && basic !== undefined;
  const standalone = isStandalone(isRefused ? await ping(requests, options, { ...asker, basic }) : pong);
  const headers = { "x-docker-token": "true", ...(basic !== undefined && { authorization: basic }) };
  const path = `repositories/${endpoint.repository ?? repository}/images`;
  const request = requests.get(ownHost(endpoint), path, { headers, ...asker });
  const response = await requests.checked(request, await requests.send(request));
  await response.body.discard();
  return {
    standalone,
    basic,
    token: tokenOf(response),
    hosts: await namedHosts(headerOf(response, "x-docker-endpoints"), { endpoint, trust, ...asker }),
    atMs: clock.elapsed(),
    sessions: new Map(),
  };
}

/** `request` with what a host may see of an admission. */
export function authorized(
  request: HttpRequest,
  { own }: V1Host,
  { standalone, basic, token }: Admission,
): HttpRequest {
  const isBasic = own && basic !== undefined && (standalone || token === undefined);
  const authorization = isBasic ? basic : token && `Token ${token}`;
  return authorization ? { ...request, headers: { ...request.headers, authorization } } : request;
}

interface Pong {
  readonly status: number;
  readonly head: Uint8Array;
  readonly response: HttpResponse;
}

/** Any answer says that somebody speaks version 1, but those of web servers that do not know what it is. */
async function ping(
  requests: V1Requests,
  { endpoint }: V1Options,
  { basic, ...asker }: Asker & { readonly basic?: string },
): Promise<Pong> {
  const headers = { accept: "application/json", ...(basic !== undefined && { authorization: basic }) };
  const request = requests.get(ownHost(endpoint), "_ping", { headers, ...asker });
  const response = await requests.send(request);
  const { status } = response;
  if (status === 429 || status >= 500) throw await errorFromResponse(request, response);
  const head = await response.body.head(MAX_PING_BYTES);
  throwIfAborted(asker.signal);
  if (status !== 404 && !isPage(response)) return { status, head, response };
  const origin = originOf(endpoint);
  throw new ErrNoSupport(`ping ${origin}: no registry API v1 here`, { endpoint: origin });
}

/** docker's reading: standalone unless the body or, before it, the header says something else; Python writes "True". */
function isStandalone({ head, response }: Pong): boolean {
  const header = headerOf(response, "x-docker-registry-standalone");
  if (header) return ["true", "1"].includes(header.trim().toLowerCase());
  return untrustedFields<"standalone">(parseJson(head)).standalone !== false;
}

function isPage({ headers }: HttpResponse): boolean {
  const isRegistry = Object.keys(headers).some((name) => name.startsWith("x-docker-registry-"));
  return !isRegistry && /^\s*text\/html\b/i.test([headers["content-type"] ?? ""].flat().join());
}

function tokenOf({ headers }: HttpResponse): string | undefined {
  const token = [headers["x-docker-token"] ?? []].flat().join(",");
  return token === "" || token.length > MAX_TOKEN_CHARS ? undefined : token;
}
