import type { Clock } from "../../async/clock.ts";
import { errorFromResponse } from "../answers/error-response.ts";
import type { Authorizer } from "../auth/authorizer.ts";
import type { Endpoint } from "../endpoints/endpoint.ts";
import type { HostTrust } from "../endpoints/host-trust.ts";
import { mergeHeaders } from "../http/merge-headers.ts";
import type { Asker, HttpRequest, HttpResponse, Send } from "../http/send.ts";
import { USER_AGENT } from "../http/user-agent.ts";
import { withRedirect } from "../http/with-redirect.ts";
import type { ExpectedAnswer } from "../repository/repository-session.ts";
import { CookieJar } from "./cookie-jar.ts";
import type { V1Host } from "./v1-endpoints.ts";

/** Answers that somebody else might not have got. */
const REFUSALS: ReadonlySet<number> = new Set([401, 403, 404]);

/** A repository at an endpoint of version 1, and how to reach it. */
export interface V1Options {
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
  readonly clock: Clock;
}

/**
 * Makes and sends requests. A cookie goes back to the origin that set it; a redirect to another origin takes nothing along.
 */
export class V1Requests {
  readonly #options: V1Options;
  readonly #cookies: CookieJar;
  /** Sends once, redirects followed, whatever the answer. */
  readonly send: Send;

  constructor(options: V1Options) {
    this.#options = options;
    this.#cookies = new CookieJar(options.clock);
    this.send = withRedirect((request) => this.#exchange(request));
  }

  /** A GET at a host. The endpoint's own headers go to the endpoint's own origin. */
  get(
    { baseUrl, own, tls }: V1Host,
    path: string,
    { headers, signal, waiter, flow }: Asker & { readonly headers: Readonly<Record<string, string>> },
  ): HttpRequest {
    const { endpoint, metaHeaders } = this.#options;
    const configured = own ? endpoint.headers : {};
    return {
      method: "GET",
      url: `${baseUrl}/${path}`,
      headers: mergeHeaders({ "user-agent": USER_AGENT }, configured, metaHeaders, headers),
      tls,
      connectTimeoutMs: own ? endpoint.connectTimeoutMs : undefined,
      signal,
      waiter,
      flow,
    };
  }

  /** The answer if its status is 2xx or it is `expected`; otherwise throws what `errorFromResponse` makes. */
  async checked(
    request: HttpRequest,
    response: HttpResponse,
    expected: ExpectedAnswer = [],
  ): Promise<HttpResponse> {
    const { status } = response;
    const isExpected = typeof expected === "function" ? expected(response) : expected.includes(status);
    if ((status >= 200 && status < 300) || isExpected) return response;
    const { authorizer, clock } = this.#options;
    const isBasic = /^basic /i.test(request.headers?.["authorization"] ?? "");
    if (status === 401 && isBasic) authorizer.refused();
    const remark = REFUSALS.has(status) ? authorizer.whyAnonymous() : undefined;
    throw await errorFromResponse(request, remark === undefined ? response : { ...response, remark }, clock);
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
}
