import type { ServerResponse } from "node:http";
import type { CredentialSource } from "../../../src/registry/credentials/credentials.ts";
import type { Endpoint } from "../../../src/registry/endpoints/endpoint.ts";
import { json, type ScriptedServer, type SeenRequest, scriptedServer } from "./scripted-server.ts";

/** A registry behind a token server, both real, in one place: `/v2/...` wants a token that `/token` gives. */
export interface GuardedRegistry extends ScriptedServer {
  readonly endpoint: Endpoint;
  /** The tokens that open `/v2/`; a test empties it to revoke them. */
  readonly valid: Set<string>;
  /** What was asked of the token server. */
  readonly tokenRequests: () => SeenRequest[];
  /** What was asked of the registry: the `authorization` that came with each request. */
  readonly authorizations: () => Array<string | undefined>;
}

/** What differs from an open-handed registry. */
export type GuardOptions = {
  /** The 401's `www-authenticate`; by default a bearer challenge for the scope `server`. */
  readonly challenge?: (origin: string, request: SeenRequest) => string | string[];
  /** Answers `/token`; by default `token-1`, `token-2`, ... with a lifetime of 300 s. */
  readonly token?: (response: ServerResponse, request: SeenRequest) => unknown;
};

/** The endpoint of a server for tests. */
export function endpointOf(origin: string, credentialHost = new URL(origin).host): Endpoint {
  return { baseUrl: `${origin}/v2`, mirror: false, capabilities: ["pull"], credentialHost };
}

function bearerChallenge(origin: string): string {
  return `Bearer realm="${origin}/token",service="test",scope="server"`;
}

/** Starts a guarded registry; dispose of it to close it. */
export async function guardedRegistry(options: GuardOptions = {}): Promise<GuardedRegistry> {
  const valid = new Set<string>();
  const grant = (response: ServerResponse): void => {
    const token = `token-${tokenRequests().length}`;
    valid.add(token);
    json(response, { token, expires_in: 300 });
  };
  const { token = grant, challenge = bearerChallenge } = options;

  const server = await scriptedServer(async (request, response) => {
    if (request.url.pathname === "/token") return token(response, request);
    const { authorization = "" } = request.headers;
    if (valid.has(authorization.replace(/^\w+ /, ""))) return response.end("welcome");
    return response
      .writeHead(401, { "www-authenticate": challenge(server.origin, request) })
      .end("who are you?");
  });
  const tokenRequests = (): SeenRequest[] => server.seen.filter(({ url }) => url.pathname === "/token");
  const authorizations = (): Array<string | undefined> =>
    server.seen.filter(({ url }) => url.pathname !== "/token").map(({ headers }) => headers.authorization);
  return { ...server, endpoint: endpointOf(server.origin), valid, tokenRequests, authorizations };
}

/** A source that always gives the same, and counts. */
export function countingSource(
  found: Awaited<ReturnType<CredentialSource>>,
): CredentialSource & { readonly hosts: string[] } {
  const hosts: string[] = [];
  const source: CredentialSource = async (host) => {
    hosts.push(host);
    return found;
  };
  return Object.assign(source, { hosts });
}
