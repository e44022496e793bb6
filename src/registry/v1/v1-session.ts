import { throwIfAborted } from "../../async/abort.ts";
import { type Clock, systemClock } from "../../async/clock.ts";
import { JoinableCalls } from "../../async/joinable-calls.ts";
import { ErrNoSupport } from "../../errors/classes.ts";
import { isNotFound } from "../../errors/predicates.ts";
import { errorFromResponse } from "../answers/error-response.ts";
import type { Authorizer } from "../auth/authorizer.ts";
import { basicAuthorization } from "../auth/token.ts";
import { type Endpoint, originOf } from "../endpoints/endpoint.ts";
import type { HostTrust } from "../endpoints/host-trust.ts";
import { mergeHeaders } from "../http/merge-headers.ts";
import { parseJson, untrustedFields } from "../http/parse-json.ts";
import { type Asker, type HttpRequest, type HttpResponse, headerOf, type Send } from "../http/send.ts";
import { USER_AGENT } from "../http/user-agent.ts";
import { withRedirect } from "../http/with-redirect.ts";
import { type BlobContent, type ContentWanted, openContent } from "../repository/open-content.ts";
import type { ExpectedAnswer } from "../repository/repository-session.ts";
import { CookieJar } from "./cookie-jar.ts";
import { namedHosts, ownHost, type V1Host } from "./v1-endpoints.ts";

/** How long what an index said is used before it is asked again, in milliseconds: it may name other hosts by then. */
const ADMISSION_KEPT_MS = 60_000;

/** Longest part of a ping's body that is looked at, in bytes. */
const MAX_PING_BYTES = 4 * 1024;

/** Longest token that is sent back, in characters; docker-registry's have about a hundred. */
const MAX_TOKEN_CHARS = 4_096;

/** What a session is made of. */
export interface V1SessionOptions {
  /** Of version 1. */
  readonly endpoint: Endpoint;
  /** Path of the repository as in the reference. */
  readonly repository: string;
  /** Throttled; neither follows redirects nor authorizes. */
  readonly send: Send;
  /** Knows the credentials of the endpoint's own origin. */
  readonly authorizer: Pick<Authorizer, "credentials" | "refused" | "whyAnonymous">;
  /** What is configured about the hosts that an index names. */
  readonly trust: HostTrust;
  readonly metaHeaders?: Readonly<Record<string, string>> | undefined;
  readonly clock?: Clock | undefined;
}

/** What an index has let us in with. */
interface Admission {
  /** Whether the registry needs no index, and so no tokens. */
  readonly standalone: boolean;
  /** The header made of our credentials; for the endpoint's own origin only. */
  readonly basic: string | undefined;
  /** For all hosts that the index names: they are who it is made for. */
  readonly token: string | undefined;
  /** Where the images are, best first. */
  readonly hosts: readonly V1Host[];
  readonly atMs: number;
}

/**
 * One repository at an endpoint that speaks version 1, for all who are the same user there: the index, its token, and the
 * session that a host goes on with by cookies. A token works once, so what it opened is shared. A 401 is answered by asking
 * the index again, once per request. Credentials go to the endpoint's own origin, a token to the hosts named with it,
 * a cookie to the origin that set it; nothing of it goes along with a redirect elsewhere.
 */
export class V1Session {
  readonly #options: V1SessionOptions & { readonly clock: Clock };
  readonly #headers: Readonly<Record<string, string>>;
  readonly #send: Send;
  readonly #cookies = new CookieJar();
  readonly #admissions: JoinableCalls<Admission>;
  #admission: Admission | undefined;

  constructor({ clock = systemClock, ...options }: V1SessionOptions) {
    this.#options = { ...options, clock };
    this.#headers = mergeHeaders({ "user-agent": USER_AGENT }, options.metaHeaders);
    this.#admissions = new JoinableCalls(clock);
    this.#send = withRedirect((request) => this.#exchange(request));
  }

  /**
   * Asks for a document, one host after another, and reads it. `read` ends the use of the body. Throws `ErrNoSupport` where
   * nobody speaks version 1; of several failures "not found" before all others.
   */
  async document<T>(path: string, read: (response: HttpResponse) => Promise<T>, asker: Asker): Promise<T> {
    return await this.#atEachHost(asker, async (host) => {
      const request = this.#request(host, path, { headers: { accept: "application/json" }, ...asker });
      return await read(await this.#ask(host, request));
    });
  }

  /** Asks for content, one host after another; see `openContent`. */
  async content(
    path: string,
    { wanted, ...asker }: Asker & { readonly wanted: Omit<ContentWanted, "closedRange"> },
  ): Promise<BlobContent> {
    const headers = { accept: "*/*", "accept-encoding": "identity" };
    return await this.#atEachHost(asker, async (host) => {
      const request = this.#request(host, path, { headers, ...asker });
      const send = (part: HttpRequest, expected?: ExpectedAnswer): Promise<HttpResponse> =>
        this.#ask(host, part, expected);
      return await openContent({ send, request }, { ...wanted, closedRange: true });
    });
  }

  async #atEachHost<T>(asker: Asker, ask: (host: V1Host) => Promise<T>): Promise<T> {
    const { hosts } = await this.#admitted(asker);
    const failures: unknown[] = [];
    for (const host of hosts) {
      try {
        return await ask(host);
      } catch (error) {
        throwIfAborted(asker.signal);
        failures.push(error);
      }
    }
    throw failures.find((error) => isNotFound(error)) ?? failures[0];
  }

  /** Sends with what we were let in with, and on a 401 once more with what the index says to that. */
  async #ask(host: V1Host, request: HttpRequest, expected?: ExpectedAnswer): Promise<HttpResponse> {
    const admission = await this.#admitted(request);
    const response = await this.#send(authorized(request, host, admission));
    if (response.status !== 401) return await this.#checked(request, response, expected);
    await response.body.discard();
    const renewed = await this.#admitted(request, admission);
    return await this.#checked(request, await this.#send(authorized(request, host, renewed)), expected);
  }

  /** @param refused one that turned out to be good for nothing */
  async #admitted({ signal }: Asker, refused?: Admission): Promise<Admission> {
    const known = this.#admission;
    const isYoung = known && this.#options.clock.elapsed() - known.atMs < ADMISSION_KEPT_MS;
    if (isYoung && known !== refused) return known;
    return await this.#admissions.run("", (shared) => this.#enter({ signal: shared }), { signal });
  }

  async #enter(asker: Asker): Promise<Admission> {
    const { endpoint, repository, authorizer, trust, clock } = this.#options;
    const path = `repositories/${endpoint.repository ?? repository}/images`;
    const ping = await this.#ping(undefined, asker);
    const basic = basicAuthorization(await authorizer.credentials(asker));
    const standalone = isStandalone(
      ping.status === 401 && basic !== undefined ? await this.#ping(basic, asker) : ping,
    );
    const headers = { "x-docker-token": "true", ...(basic !== undefined && { authorization: basic }) };
    const request = this.#request(ownHost(endpoint), path, { headers, ...asker });
    const response = await this.#checked(request, await this.#send(request));
    await response.body.discard();
    const named = headerOf(response, "x-docker-endpoints");
    this.#admission = {
      standalone,
      basic,
      token: tokenOf(response),
      hosts: await namedHosts(named, { endpoint, trust, ...asker }),
      atMs: clock.elapsed(),
    };
    return this.#admission;
  }

  /** Any answer says that somebody speaks version 1, but those of web servers that do not know what it is. */
  async #ping(authorization: string | undefined, asker: Asker): Promise<Pong> {
    const headers = { accept: "application/json", ...(authorization !== undefined && { authorization }) };
    const request = this.#request(ownHost(this.#options.endpoint), "_ping", { headers, ...asker });
    const response = await this.#send(request);
    const { status } = response;
    if (status === 429 || status >= 500) throw await errorFromResponse(request, response);
    const head = await response.body.head(MAX_PING_BYTES);
    throwIfAborted(asker.signal);
    if (status !== 404 && !isPage(response)) return { status, head, response };
    const endpoint = originOf(this.#options.endpoint);
    throw new ErrNoSupport(`ping ${endpoint}: no registry API v1 here`, { endpoint });
  }

  #request(
    { baseUrl, own, tls }: V1Host,
    path: string,
    { headers, signal, waiter }: Asker & { readonly headers: Readonly<Record<string, string>> },
  ): HttpRequest {
    const { headers: configured, connectTimeoutMs } = this.#options.endpoint;
    return {
      method: "GET",
      url: `${baseUrl}/${path}`,
      headers: mergeHeaders(own ? configured : {}, this.#headers, headers),
      tls,
      ...(own && { connectTimeoutMs }),
      signal,
      waiter,
    };
  }

  async #exchange(request: HttpRequest): Promise<HttpResponse> {
    const { send } = this.#options;
    if (request.stranger) return await send(request);
    const cookie = this.#cookies.headerFor(request.url);
    const headers = { ...request.headers, ...(cookie !== undefined && { cookie }) };
    const response = await send({ ...request, headers });
    this.#cookies.learn(response);
    return response;
  }

  async #checked(
    request: HttpRequest,
    response: HttpResponse,
    expected: ExpectedAnswer = [],
  ): Promise<HttpResponse> {
    const { status } = response;
    const isExpected = typeof expected === "function" ? expected(response) : expected.includes(status);
    if ((status >= 200 && status < 300) || isExpected) return response;
    const { authorizer, clock } = this.#options;
    if (status === 401) authorizer.refused();
    const remark = authorizer.whyAnonymous();
    throw await errorFromResponse(request, remark === undefined ? response : { ...response, remark }, clock);
  }
}

interface Pong {
  readonly status: number;
  readonly head: Uint8Array;
  readonly response: HttpResponse;
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

function authorized(
  request: HttpRequest,
  { own }: V1Host,
  { standalone, basic, token }: Admission,
): HttpRequest {
  const isBasic = own && basic !== undefined && (standalone || token === undefined);
  const authorization = isBasic ? basic : token && `Token ${token}`;
  return authorization ? { ...request, headers: { ...request.headers, authorization } } : request;
}
