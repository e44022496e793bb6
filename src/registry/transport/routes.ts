import { BoundedMap } from "../../async/bounded-map.ts";
import type { ProxyServer } from "../http/proxy-server.ts";
import type { HttpRequest } from "../http/send.ts";
import type { TlsOptions } from "../http/tls-options.ts";
import { bareHost, portOf } from "../http/url-address.ts";
import { certificateChoices } from "./client-certificates.ts";
import { Connection } from "./connection.ts";
import type { ConnectionLimits, ConnectionOptions } from "./connection-options.ts";
import { Connector, type ConnectTarget } from "./connector.ts";
import { LocalCarrier } from "./local-carrier.ts";
import type { Route } from "./pool-host.ts";
import { ProxyFailure } from "./proxy-failure.ts";
import { proxyRoutesNow } from "./proxy-route.ts";
import type { Reading } from "./socket-feed.ts";
import { tlsContexts } from "./tls-contexts.ts";

/** TLS contexts that are kept; the one used least goes, and its authorities are parsed again. Certificates come and go. */
const MAX_CONNECTORS = 256;

/** A route, and what requests on it look like. */
export interface RequestRoute extends Route {
  /** The proxy that is sent requests with whole URLs, if that is so; for https it only makes a tunnel. */
  readonly httpProxy: ProxyServer | undefined;
  /** By what another thread would come the same way; `undefined` when a proxy is on it. */
  readonly direct: DirectWay | undefined;
  /**
   * Told that the server does not take the client certificate of this route: gives the route with the next one, if there is one that
   * was not tried, and from now on that goes first.
   */
  readonly refused: () => RequestRoute | undefined;
}

/** What of a request its route depends on when there is no proxy, decided. */
export interface DirectWay {
  readonly tls: TlsOptions | undefined;
  readonly connectTimeoutMs: number;
}

/** What of a request its route depends on. */
type Routed = Pick<HttpRequest, "tls" | "connectTimeoutMs">;

type RoutesThrough = (proxy: ProxyServer | undefined, url: URL, request: Routed) => RequestRoute;

/** Finds the route of a request, at once unless a source of proxies is asked; rejects with what that rejects with. */
export type RouteOf = (url: URL, request: Routed) => RequestRoute | Promise<RequestRoute>;

/** How one route leads to a server. */
interface Way {
  readonly tls: TlsOptions | undefined;
  readonly timeoutMs: number;
  readonly proxy: ProxyServer | undefined;
}

/** Servers of which it is remembered which of several client certificates they take. */
const MAX_CHOICES = 256;

/**
 * The routes of a transport: directly, through a proxy that is sent whole URLs (http), or in a proxy's tunnel (https). Throws
 * `ErrInvalidArgument` for a malformed proxy.
 */
export function createRoutes(
  options: ConnectionOptions,
  limits: ConnectionLimits,
  reading: Reading,
): RouteOf {
  const proxies = proxyRoutesNow(options.proxy);
  const routesThrough = routeMaker(options, limits, reading);
  return (url, request) => {
    const now = proxies();
    return now instanceof Promise
      ? now.then((proxyFor) => routesThrough(proxyFor(url), url, request))
      : routesThrough(now(url), url, request);
  };
}

/** The routes that go through no proxy, over sockets that are read like this. */
export function directRoutes(
  options: Omit<ConnectionOptions, "proxy">,
  limits: ConnectionLimits,
  reading: Reading,
): (url: URL, request: Routed) => RequestRoute {
  const routesThrough = routeMaker(options, limits, reading);
  return (url, request) => routesThrough(undefined, url, request);
}

function routeMaker(
  options: Omit<ConnectionOptions, "proxy">,
  limits: ConnectionLimits,
  how: Reading,
): RoutesThrough {
  const contextFor = tlsContexts(options.authorities);
  const reading = options.reuseBuffers === false ? undefined : how;
  const connectors = new BoundedMap<string, Connector>(MAX_CONNECTORS);
  const choices = new BoundedMap<string, readonly (TlsOptions | undefined)[]>(MAX_CONNECTORS);
  const chosen = new BoundedMap<string, number>(MAX_CHOICES);

  function connectorFor(tls: TlsOptions | undefined, key: string): Connector {
    const known = connectors.get(key);
    if (known) return known;
    const rejectUnauthorized = tls?.skipVerify !== true;
    const made = new Connector({ secureContext: contextFor(tls), rejectUnauthorized, reading });
    connectors.set(key, made);
    return made;
  }

  // A proxy's certificate is checked, whatever is said of the endpoint's.
  const toProxy = { secureContext: contextFor(undefined), rejectUnauthorized: true };
  const proxyConnector = new Connector({ ...toProxy, reading });
  const tunnelConnector = new Connector({ ...toProxy, reading: undefined });

  function choicesFor(tls: TlsOptions | undefined, key: string): readonly (TlsOptions | undefined)[] {
    const known = choices.get(key);
    if (known) return known;
    const made = certificateChoices(tls);
    choices.set(key, made);
    return made;
  }

  function routeOf(url: URL, { tls, timeoutMs, proxy }: Way): Omit<RequestRoute, "refused"> {
    const secure = url.protocol === "https:";
    const target: ConnectTarget = { secure, hostname: bareHost(url), port: portOf(url) };
    const tlsKey = keyOf(url, tls);
    const httpProxy = secure ? undefined : proxy;
    const connector = httpProxy ? proxyConnector : connectorFor(tls, tlsKey);
    const tunnel = secure && proxy ? { proxy, connector: tunnelConnector } : undefined;
    const way = httpProxy ? httpProxy.address : { ...target, tunnel };
    return {
      key: [url.origin, tlsKey, proxy?.origin, proxy?.authorization].join(" "),
      host: hostNameOf(url),
      httpProxy,
      direct: proxy ? undefined : { tls, connectTimeoutMs: timeoutMs },
      connect: (onClosed) => {
        const connection = new Connection({
          origin: httpProxy?.origin ?? url.origin,
          onClosed: () => onClosed(carrier),
          open: (sockets) =>
            connector.open(way, { timeoutMs, sockets }).catch((cause: unknown) => {
              throw httpProxy ? new ProxyFailure(httpProxy, cause) : cause;
            }),
        });
        const carrier = new LocalCarrier({ connection, limits, httpProxy });
        return carrier;
      },
    };
  }

  function routesThrough(
    proxy: ProxyServer | undefined,
    url: URL,
    { tls, connectTimeoutMs: timeoutMs = limits.connectTimeoutMs }: Routed,
  ): RequestRoute {
    const key = keyOf(url, tls);
    const all = choicesFor(tls, key);
    const server = `${url.origin} ${key}`;
    const first = chosen.get(server) ?? 0;
    const attempt = (turn: number): RequestRoute => ({
      ...routeOf(url, { tls: all[(first + turn) % all.length], timeoutMs, proxy }),
      refused() {
        chosen.set(server, (first + turn + 1) % all.length);
        return turn + 1 < all.length ? attempt(turn + 1) : undefined;
      },
    });
    return attempt(0);
  }

  return routesThrough;
}

/** What the sockets to a server are counted by: host and port. */
export function hostNameOf(url: URL): string {
  return `${bareHost(url)}:${portOf(url)}`;
}

/** Equal for requests that connections may serve in turn. */
function keyOf({ protocol }: URL, tls: TlsOptions | undefined): string {
  const secure = protocol === "https:";
  return JSON.stringify(secure && [tls?.skipVerify === true, tls?.ca, tls?.cert, tls?.key]);
}
