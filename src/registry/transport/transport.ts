import { throwIfAborted } from "../../async/abort.ts";
import { BoundedMap } from "../../async/bounded-map.ts";
import { type Clock, systemClock } from "../../async/clock.ts";
import { waitPatiently } from "../../async/wait-patiently.ts";
import { mayYield } from "../../bandwidth/flow.ts";
import { ErrCanceled, ErrInvalidArgument } from "../../errors/classes.ts";
import { redactUrl } from "../../errors/redact-url.ts";
import { requireNode } from "../../errors/require-node.ts";
import { checkOptions } from "../../options/check-options.ts";
import { requestSecrets } from "../http/request-secrets.ts";
import { type HttpRequest, type HttpResponse, isStreamed, type Send } from "../http/send.ts";
import type { Begun } from "./carrier.ts";
import { mayRefuseCertificate } from "./client-certificates.ts";
import { CONNECTION_OPTIONS, type ConnectionOptions, connectionLimits } from "./connection-options.ts";
import { ConnectionPool } from "./connection-pool.ts";
import { networkError } from "./network-error.ts";
import { ownRoutes } from "./own-routes.ts";
import type { HostUse } from "./pool-host.ts";
import type { PoolParts } from "./pool-options.ts";
import { ProxyFailure } from "./proxy-failure.ts";
import { createRoutes, hostNameOf, type RequestRoute } from "./routes.ts";
import { READING_BESIDE_OTHERS, readingMuch } from "./socket-feed.ts";
import { ThreadPlace } from "./thread-place.ts";
import { refusalOf } from "./tunnel.ts";

/**
 * What cannot be sent a second time goes only over a connection that was used within this time, in milliseconds: servers close
 * those that are unused for five seconds and more, and it may be lost on a dead one.
 */
const MAX_IDLE_MS = 1_000;

/**
 * Routes on which a used connection was found dead, so many of them at most: what cannot be sent again goes over new
 * ones there.
 */
const MAX_CLOSERS = 256;

/** URLs of which it is remembered which host they name, so many of them at most: the slots ask about the same ones for each layer. */
const MAX_HOST_NAMES = 256;

/** What surrounds a transport. */
export interface TransportParts {
  /**
   * Tells when an answer is long in coming; the limits of connections run by the machine's own.
   * @defaultValue the machine's
   * @avoid outside of tests
   * @example clock
   */
  readonly clock?: Clock | undefined;
  /**
   * Told when a host is asked more or less at once than before, and why. Must not throw.
   * @defaultValue nobody is told
   * @example onBudget: (change) => console.log(change)
   */
  readonly onBudget?: PoolParts["onBudget"];
  /**
   * Whether this thread receives as much as those that do nothing else: then sockets read longer steps before anything else has its
   * turn, into memory that they share.
   * @defaultValue false
   * @example receivesMuch: true
   */
  readonly receivesMuch?: boolean | undefined;
}

/** A request on its way. */
interface Sent {
  readonly route: RequestRoute;
  readonly request: HttpRequest;
  readonly url: URL;
}

/** The lowest `Send`, with the connections behind it. */
export interface Transport {
  /**
   * Sends a request as it is, once: no redirect, no credentials. It is sent again only when it does no harm: when a used
   * connection turns out to be dead before any byte of an answer, and when there are several client certificates of one kind
   * and the server did not take the first.
   */
  readonly send: Send;
  /** How many blobs the server of an URL is asked for at once, at present; `onBudget` tells when that changes. */
  readonly blobsAtOnce: (url: string) => number;
  /** How many small ones count as one of those at present, as they may share its connection. */
  readonly briefEach: (url: string) => number;
  /** The hosts with sockets that are open, or waited for. */
  readonly hosts: () => readonly HostUse[];
  /** Closes all connections at once; what is under way fails with `ErrCanceled`, and so does every later request. */
  close(): Promise<void>;
}

/**
 * HTTP/1.1 over pooled connections, never shared between origins or TLS options. With a connection per download bulk
 * data moves faster than over HTTP/2, which is spoken to servers alone that refuse the other, also a request at a
 * time. Requests for which no socket is free wait in line, and no limit of theirs runs meanwhile. The caller closes
 * the transport. Throws `ErrInvalidArgument` for options out of bounds, and `ErrFailedPrecondition` on a Node.js that
 * is too old.
 */
export function createTransport(
  options: ConnectionOptions = {},
  { clock = systemClock, onBudget, receivesMuch = false }: TransportParts = {},
): Transport {
  requireNode("create transport");
  checkOptions("create transport", options, CONNECTION_OPTIONS);
  const limits = connectionLimits(options);
  const routeOf = options.send
    ? ownRoutes(options.send, limits)
    : createRoutes(options, limits, receivesMuch ? readingMuch() : READING_BESIDE_OTHERS);
  const pipelining = options.pipelining !== false && !options.send;
  const pool = new ConnectionPool({ ...limits, pipelining }, { clock, onBudget });
  const closers = new BoundedMap<string, true>(MAX_CLOSERS);
  const closed = new ErrCanceled("transport closed");

  async function send(request: HttpRequest): Promise<HttpResponse> {
    const url = parseUrl(request.url);
    const route = routeOf(url, request);
    return await sendBy(route instanceof Promise ? await route : route, request, url);
  }

  /** By `first`, or the routes with other client certificates behind it. */
  async function sendBy(first: RequestRoute, request: HttpRequest, url: URL): Promise<HttpResponse> {
    for (let route = first; ; ) {
      try {
        return await sendOver(route, request, url);
      } catch (error) {
        const next = mayRefuseCertificate(error) ? route.refused() : undefined;
        if (!next || !isRepeatable(request)) throw error;
        route = next;
      }
    }
  }

  /** Once; and again over a connection of its own what nobody but those whom it shared one with is to blame for. */
  async function sendOver(route: RequestRoute, request: HttpRequest, url: URL): Promise<HttpResponse> {
    const first = await exchange(request, { url, route, maxIdleMs: patienceOf(request, route) });
    const sendAlone = (): Promise<HttpResponse> => sendOver(route, { ...request, brief: false }, url);
    const distrust = (): void => pool.notePipelining(route.host);
    try {
      const response = await answerTo(first, { route, request, url });
      if (!first.isShared) return response;
      if (!mayBeOfAnother(response)) return { ...response, doubt: distrust };
      await response.body.discard();
    } catch (error) {
      if (!first.lost) throw error;
      if (first.lost === "by host") distrust();
      return await sendAlone();
    }
    const alone = await sendAlone();
    if (!mayBeOfAnother(alone)) distrust();
    return alone;
  }

  async function answerTo(first: Begun, { route, request, url }: Sent): Promise<HttpResponse> {
    const stale = (cause: unknown): Promise<HttpResponse> => {
      if (first.stale) closers.set(route.key, true);
      if (!first.stale || !isRepeatable(request)) throw cause;
      return exchange(request, { url, route, maxIdleMs: 0 }).then(({ response }) => response);
    };
    const response = await patiently(first.response.catch(stale), request, { url, clock });
    if (response.status === 407 && route.httpProxy) throw await refusedByProxy(request, response, route);
    return { ...response, secrets: requestSecrets(request) };
  }

  /** How long the connection of a request may have been unused. */
  function patienceOf(request: HttpRequest, { key }: RequestRoute): number {
    if (isRepeatable(request)) return Number.POSITIVE_INFINITY;
    return closers.get(key) ? 0 : MAX_IDLE_MS;
  }

  async function exchange(
    request: HttpRequest,
    { url, route, maxIdleMs }: { url: URL; route: RequestRoute; maxIdleMs: number },
  ): Promise<Begun> {
    const { signal, waiter, flow, place } = request;
    const bulk = request.bulk ?? isStreamed(request.body);
    const isBodiless = request.body === undefined; // no thread is told of a body to be sent
    const way = (place instanceof ThreadPlace && isBodiless ? place.routeOf(route) : undefined) ?? route;
    const brief = request.brief && way === route && !route.httpProxy && !mayYield(flow);
    const carrier = await pool.acquire(way, { signal, waiter, flow, maxIdleMs, bulk, brief });
    if (request.signal?.aborted) pool.release(carrier, true);
    throwIfAborted(request.signal);
    return carrier.begin(preparing(request, route), {
      url,
      clock,
      onOutcome: (outcome) => pool.note(carrier, outcome),
      onOver: (reusable) => pool.release(carrier, reusable),
    });
  }

  /** The request, at which connections for those that follow are opened: not before its own stands, as the host may be dead. */
  function preparing(request: HttpRequest, route: RequestRoute): HttpRequest {
    const { followedBy = 0, onConnected } = request;
    if (followedBy <= 0 || options.send) return request;
    return {
      ...request,
      onConnected(connection) {
        onConnected?.(connection);
        pool.prepare(route, followedBy);
      },
    };
  }

  const hosts = new BoundedMap<string, string>(MAX_HOST_NAMES);
  const hostAt = (url: string): string => {
    const known = hosts.get(url);
    if (known !== undefined) return known;
    const host = hostNameOf(parseUrl(url));
    hosts.set(url, host);
    return host;
  };
  const blobsAtOnce = (url: string): number => pool.blobsAtOnce(hostAt(url));
  const briefEach = (url: string): number => pool.briefEach(hostAt(url));
  return { send, blobsAtOnce, briefEach, hosts: () => pool.hosts(), close: () => pool.close(closed) };
}

/**
 * Whether an answer that came over a shared connection may be no answer to its request: servers and proxies that cannot read on after a request
 * refuse what they read then. What says that there is too much to do is true in any case, and what wants a token is asked again anyway.
 */
function mayBeOfAnother({ status }: HttpResponse): boolean {
  return status >= 400 && status !== 401 && status !== 429 && status !== 503;
}

/** An answer that is long in coming is waited for. While a body is sent, there is work to do. */
function patiently(
  answer: Promise<HttpResponse>,
  { body, signal, waiter }: HttpRequest,
  { url, clock }: { readonly url: URL; readonly clock: Clock },
): Promise<HttpResponse> {
  if (isStreamed(body)) return answer;
  const reason = { code: "host", words: `Waiting for ${url.host}` } as const;
  return waitPatiently(answer, { reason, signal, waiter, clock });
}

function parseUrl(text: string): URL {
  const url = URL.parse(text);
  if (url?.protocol === "http:" || url?.protocol === "https:") return url;
  throw new ErrInvalidArgument(`send request: got ${redactUrl(text)}, wanted an http or https URL`);
}

/**
 * Whether a request may be sent again although its server may have seen it. A streamed body may not: whoever sends it asks
 * first what became of the bytes. Nor may the end of an upload without a body, which would no longer find its session.
 */
function isRepeatable({ method, body }: HttpRequest): boolean {
  if (method === "GET" || method === "HEAD" || method === "DELETE") return true;
  if (method === "POST") return body === undefined; // opens an upload session: an unused one ends by itself
  const inMemory = typeof body === "string" || body instanceof Uint8Array;
  return method === "PUT" && inMemory;
}

async function refusedByProxy(
  { method }: HttpRequest,
  { body, status, url }: HttpResponse,
  { httpProxy }: RequestRoute,
): Promise<Error> {
  await body.discard();
  const { origin } = new URL(url);
  const failure = httpProxy && new ProxyFailure(httpProxy, undefined, refusalOf(status));
  return networkError(failure, { action: `${method} ${origin}`, endpoint: origin });
}
