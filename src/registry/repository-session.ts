import type { AbortOptions } from "../async/abort.ts";
import { type BackoffPolicy, DEFAULT_BACKOFF } from "../async/backoff.ts";
import type { Clock } from "../async/clock.ts";
import { retry } from "../async/retry.ts";
import type { Endpoint } from "./endpoint.ts";
import { errorFromResponse } from "./error-response.ts";
import type { HttpRequest, HttpResponse, Send } from "./send.ts";
import { USER_AGENT } from "./user-agent.ts";

/**
 * How documents are asked for again. Less patient than for blobs: somebody waits for the answer, and no bytes are lost.
 * A mirror gets one attempt only, because the next endpoint is the better second one (containerd retries on the last
 * host only).
 */
export const DOCUMENT_BACKOFF: BackoffPolicy = { ...DEFAULT_BACKOFF, maxAttempts: 3, baseMs: 500 };

/** A repository at an endpoint, and how to reach it. */
export interface RegistryClientOptions {
  readonly endpoint: Endpoint;
  /** Domain as in the reference, which a mirror stands for, and path of the repository. */
  readonly repository: { readonly domain: string; readonly path: string };
  /** Follows redirects, authorizes and throttles; see `endpointSend`. */
  readonly send: Send;
  /** Sent with every request, such as `X-Meta-*` of an engine's client. */
  readonly metaHeaders?: Readonly<Record<string, string>> | undefined;
  /** Default `DOCUMENT_BACKOFF`, for a mirror its first attempt. */
  readonly backoff?: BackoffPolicy | undefined;
  readonly clock?: Clock | undefined;
}

/** What is particular about a request. */
export interface RequestParts extends AbortOptions {
  readonly method: HttpRequest["method"];
  /** Path and query below the repository, or below the endpoint for `ping`. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Makes and sends the requests of one repository at one endpoint; what a registry client does is built on it. */
export class RepositorySession {
  readonly #options: RegistryClientOptions;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #backoff: BackoffPolicy;
  /** The value of `ns`, for an endpoint that serves somebody else's repositories. */
  readonly #namespace: string | undefined;

  constructor(options: RegistryClientOptions) {
    const { endpoint, metaHeaders, backoff, repository } = options;
    this.#options = options;
    this.#headers = lowerCased({ "user-agent": USER_AGENT, ...endpoint.headers, ...metaHeaders });
    this.#backoff = backoff ?? (endpoint.mirror ? { ...DOCUMENT_BACKOFF, maxAttempts: 1 } : DOCUMENT_BACKOFF);
    this.#namespace = namespaceFor(endpoint, repository.domain);
  }

  /** A request below the endpoint itself, without a token scope. */
  endpointRequest({ path, ...parts }: RequestParts): HttpRequest {
    return this.#request(`${this.#options.endpoint.baseUrl}/${path}`, parts);
  }

  /** A request below the repository, with the scope to pull from it. */
  request({ path, ...parts }: RequestParts): HttpRequest {
    const { endpoint, repository } = this.#options;
    const scopes = [`repository:${repository.path}:pull`];
    return { ...this.#request(`${endpoint.baseUrl}/${repository.path}/${path}`, parts), scopes };
  }

  /** Sends once. Gives the answer if its status is 2xx or in `expected`, otherwise throws what `errorFromResponse` makes. */
  async send(request: HttpRequest, expected: readonly number[] = []): Promise<HttpResponse> {
    const { send, clock } = this.#options;
    const response = await send(request);
    const { status } = response;
    if ((status >= 200 && status < 300) || expected.includes(status)) return response;
    throw await errorFromResponse(request, response, clock);
  }

  /** Sends and reads a document, again while the failure may pass. `read` ends the use of the body. */
  document<T>(request: HttpRequest, read: (response: HttpResponse) => Promise<T>): Promise<T> {
    const { clock } = this.#options;
    const attempt = async (): Promise<T> => read(await this.send(request));
    return retry(attempt, { policy: this.#backoff, clock, signal: request.signal });
  }

  #request(address: string, { method, headers, signal }: Omit<RequestParts, "path">): HttpRequest {
    const url = new URL(address);
    if (this.#namespace !== undefined) url.searchParams.set("ns", this.#namespace);
    const { tls } = this.#options.endpoint;
    return { method, url: url.href, headers: { ...this.#headers, ...headers }, tls, signal };
  }
}

/** containerd tells a host that is not the reference's own for which registry it is asked; docker.io has two names. */
function namespaceFor({ baseUrl }: Endpoint, domain: string): string | undefined {
  const { host, protocol } = new URL(baseUrl);
  const own =
    domain === "docker.io" ? ["docker.io", "registry-1.docker.io"] : [new URL(`${protocol}//${domain}`).host];
  return own.includes(host) ? undefined : domain;
}

function lowerCased(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
