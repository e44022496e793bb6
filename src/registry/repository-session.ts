import type { AbortOptions } from "../async/abort.ts";
import type { Clock } from "../async/clock.ts";
import type { Endpoint } from "./endpoint.ts";
import { errorFromResponse } from "./error-response.ts";
import type { HttpRequest, HttpResponse, Send } from "./send.ts";
import { USER_AGENT } from "./user-agent.ts";

/** A repository at an endpoint, and how to reach it. */
export interface RegistryClientOptions {
  readonly endpoint: Endpoint;
  /** Domain as in the reference, which a mirror stands for, and path of the repository. */
  readonly repository: { readonly domain: string; readonly path: string };
  /** Follows redirects, authorizes and throttles; see `endpointSend`. */
  readonly send: Send;
  /** Sent with every request, such as `X-Meta-*` of an engine's client. */
  readonly metaHeaders?: Readonly<Record<string, string>> | undefined;
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
  /** The value of `ns`, for an endpoint that serves somebody else's repositories. */
  readonly #namespace: string | undefined;

  constructor(options: RegistryClientOptions) {
    const { endpoint, metaHeaders, repository } = options;
    this.#options = options;
    this.#headers = lowerCased({ "user-agent": USER_AGENT, ...endpoint.headers, ...metaHeaders });
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

  /** Sends and reads a document, in one attempt. `read` ends the use of the body. */
  async document<T>(request: HttpRequest, read: (response: HttpResponse) => Promise<T>): Promise<T> {
    return await read(await this.send(request));
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
