import type { Clock } from "../../async/clock.ts";
import { errorFromResponse } from "../answers/error-response.ts";
import { nameAtRegistry, rootAddress } from "../endpoints/api-root.ts";
import { type Endpoint, originOf } from "../endpoints/endpoint.ts";
import { mergeHeaders } from "../http/merge-headers.ts";
import type { Asker, HttpRequest, HttpResponse, Send } from "../http/send.ts";
import { asStranger } from "../http/stranger-request.ts";
import { originOfUrl } from "../http/url-origin.ts";
import { USER_AGENT } from "../http/user-agent.ts";

/** A repository at an endpoint, and how to reach it. */
export interface RegistryClientOptions {
  /**
   * What is asked.
   * @example endpoint
   */
  readonly endpoint: Endpoint;
  /**
   * Path of the repository as in the reference; the endpoint may have it under another one.
   * @example repository: "team/app"
   */
  readonly repository: string;
  /**
   * Follows redirects, authorizes and throttles; see `endpointSend`.
   * @example send
   */
  readonly send: Send;
  /**
   * Sent with every request, such as `X-Meta-*` of an engine's client.
   * @defaultValue none
   * @example metaHeaders: { "X-Meta-Tenant": "7" }
   */
  readonly metaHeaders?: Readonly<Record<string, string>> | undefined;
  /**
   * Tells how far away the date of a `Retry-After` is.
   * @defaultValue the machine's
   * @avoid outside of tests
   * @example clock
   */
  readonly clock?: Clock | undefined;
}

/** What is particular about a request to a known address. */
export interface RequestParts
  extends Asker,
    Pick<HttpRequest, "body" | "bulk" | "followedBy" | "place" | "rootFirst" | "storing" | "stranger"> {
  readonly method: HttpRequest["method"];
  readonly headers?: Readonly<Record<string, string>>;
  /** Token scopes that it needs beside the session's own. */
  readonly moreScopes?: readonly string[];
}

/** What is particular about a request below the repository. */
export interface PathRequestParts extends RequestParts {
  /** Path and query. */
  readonly path: string;
}

/** Failed answers that the caller deals with itself: their statuses, or what tells them. */
export type ExpectedAnswer = readonly number[] | ((response: HttpResponse) => boolean);

/** What a session may do with its repository, as token scopes say it. */
export type RepositoryActions = "pull" | "pull,push" | "delete";

/** Makes and sends the requests of one repository at one endpoint; what a registry client does is built on it. */
export class RepositorySession {
  readonly #options: RegistryClientOptions;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #scope: string;
  readonly #path: string;

  constructor(options: RegistryClientOptions, actions: RepositoryActions = "pull") {
    const { endpoint, metaHeaders, repository } = options;
    this.#options = options;
    this.#path = endpoint.repository ?? repository;
    this.#scope = `repository:${nameAtRegistry(endpoint, this.#path)}:${actions}`;
    this.#headers = mergeHeaders({ "user-agent": USER_AGENT }, endpoint.headers, metaHeaders);
  }

  /** What the registry calls another repository, which is at `path` below the same endpoint. */
  nameOf(path: string): string {
    return nameAtRegistry(this.#options.endpoint, path);
  }

  /** A request to the root of the endpoint's API, without a token scope. */
  rootRequest(parts: RequestParts): HttpRequest {
    return this.#request(rootAddress(this.#options.endpoint), parts);
  }

  /** A request below the repository, with the scopes for it. */
  request({ path, ...parts }: PathRequestParts): HttpRequest {
    const { baseUrl } = this.#options.endpoint;
    const url = this.#named(`${baseUrl}/${this.#path}/${path}`);
    return parts.stranger ? this.requestTo(url, parts) : this.#withScopes(url, parts);
  }

  /**
   * A request to an absolute URL that the registry gave, taken as it is. When that is at another origin than the endpoint, or
   * was chosen by another one (`stranger`), nothing goes along that only the endpoint may see (`asStranger`).
   */
  requestTo(url: string, parts: RequestParts): HttpRequest {
    const request = this.#withScopes(url, parts);
    const isOwn = !parts.stranger && originOfUrl(url) === originOf(this.#options.endpoint);
    return isOwn ? request : asStranger(request);
  }

  /** Sends once. Gives the answer if its status is 2xx or it is `expected`, otherwise throws what `errorFromResponse` makes. */
  async send(request: HttpRequest, expected: ExpectedAnswer = []): Promise<HttpResponse> {
    const { send, clock } = this.#options;
    const response = await send(request);
    const { status } = response;
    const isExpected = typeof expected === "function" ? expected(response) : expected.includes(status);
    if ((status >= 200 && status < 300) || isExpected) return response;
    throw await errorFromResponse(request, response, clock);
  }

  /** Sends and reads a document, in one attempt. `read` ends the use of the body. */
  async document<T>(request: HttpRequest, read: (response: HttpResponse) => Promise<T>): Promise<T> {
    return await read(await this.send(request));
  }

  #withScopes(url: string, parts: RequestParts): HttpRequest {
    return { ...this.#request(url, parts), scopes: [this.#scope, ...(parts.moreScopes ?? [])] };
  }

  #request(url: string, { moreScopes: _moreScopes, headers, ...parts }: RequestParts): HttpRequest {
    const { tls, connectTimeoutMs } = this.#options.endpoint;
    return { ...parts, url, headers: { ...this.#headers, ...headers }, tls, connectTimeoutMs };
  }

  #named(address: string): string {
    const { namespace } = this.#options.endpoint;
    const url = new URL(address);
    if (namespace !== undefined) url.searchParams.set("ns", namespace);
    return url.href;
  }
}
