import { BoundedMap } from "../../async/bounded-map.ts";
import type { HttpRequest } from "../http/send.ts";
import type { TlsOptions } from "../http/tls-options.ts";
import { certificateChoices } from "./client-certificates.ts";
import { Connection } from "./connection.ts";
import type { ConnectionLimits, ConnectionOptions } from "./connection-options.ts";
import { Connector, type ConnectTarget } from "./connector.ts";
import type { Route } from "./pool-host.ts";
import { ProxyFailure } from "./proxy-failure.ts";
import { bareHost, type ProxyServer, portOf, proxyRoutes } from "./proxy-route.ts";
import { tlsContexts } from "./tls-contexts.ts";

/** A route, and what requests on it look like. */
export interface RequestRoute extends Route {
  /** The proxy that is sent requests with whole URLs, if that is so; for https it only makes a tunnel. */
  readonly httpProxy: ProxyServer | undefined;
  /**
   * Told that the server does not take the client certificate of this route: gives the route with the next one, if there is one that
   * was not tried, and from now on that goes first.
   */
  readonly refused: () => RequestRoute | undefined;
}

/** Finds the route of a request. */
export type RouteOf = (url: URL, request: Pick<HttpRequest, "tls" | "connectTimeoutMs">) => RequestRoute;

/** Servers of which it is remembered which of several client certificates they take. */
const MAX_CHOICES = 256;

/**
 * The routes of a transport: directly, through a proxy that is sent whole URLs (http), or in a proxy's tunnel (https). Throws
 * `ErrInvalidArgument` for a malformed proxy.
 */
export function createRoutes(options: ConnectionOptions, limits: ConnectionLimits): RouteOf {
  const proxyFor = proxyRoutes(options.proxy);
  const contextFor = tlsContexts(options.authorities);
  const reuseBuffers = options.reuseBuffers !== false;
  const connectors = new Map<string, Connector>();
  const choices = new Map<string, readonly (TlsOptions | undefined)[]>();
  const chosen = new BoundedMap<string, number>(MAX_CHOICES);

  function connectorFor(tls: TlsOptions | undefined, key: string): Connector {
    const known = connectors.get(key);
    if (known) return known;
    const rejectUnauthorized = tls?.skipVerify !== true;
    const made = new Connector({ secureContext: contextFor(tls), rejectUnauthorized, reuseBuffers });
    connectors.set(key, made);
    return made;
  }

  // A proxy's certificate is checked, whatever is said of the endpoint's.
  const toProxy = { secureContext: contextFor(undefined), rejectUnauthorized: true };
  const proxyConnector = new Connector({ ...toProxy, reuseBuffers });
  const tunnelConnector = new Connector({ ...toProxy, reuseBuffers: false });

  function choicesFor(tls: TlsOptions | undefined, key: string): readonly (TlsOptions | undefined)[] {
    const known = choices.get(key);
    if (known) return known;
    const made = certificateChoices(tls);
    choices.set(key, made);
    return made;
  }

  function routeOf(
    url: URL,
    { tls, timeoutMs }: { readonly tls: TlsOptions | undefined; readonly timeoutMs: number },
  ): Omit<RequestRoute, "refused"> {
    const secure = url.protocol === "https:";
    const target: ConnectTarget = { secure, hostname: bareHost(url), port: portOf(url) };
    const tlsKey = keyOf(url, tls);
    const proxy = proxyFor(url);
    const httpProxy = secure ? undefined : proxy;
    const connector = httpProxy ? proxyConnector : connectorFor(tls, tlsKey);
    const tunnel = secure && proxy ? { proxy, connector: tunnelConnector } : undefined;
    const way = httpProxy ? httpProxy.address : { ...target, tunnel };
    return {
      key: `${url.origin} ${tlsKey}`,
      host: `${target.hostname}:${target.port}`,
      httpProxy,
      connect: (onClosed) =>
        new Connection({
          origin: httpProxy?.origin ?? url.origin,
          onClosed,
          open: (sockets) =>
            connector.open(way, { timeoutMs, sockets }).catch((cause: unknown) => {
              throw httpProxy ? new ProxyFailure(httpProxy, cause) : cause;
            }),
        }),
    };
  }

  return (url, { tls, connectTimeoutMs: timeoutMs = limits.connectTimeoutMs }) => {
    const key = keyOf(url, tls);
    const all = choicesFor(tls, key);
    const server = `${url.origin} ${key}`;
    const first = chosen.get(server) ?? 0;
    const attempt = (turn: number): RequestRoute => ({
      ...routeOf(url, { tls: all[(first + turn) % all.length], timeoutMs }),
      refused() {
        chosen.set(server, (first + turn + 1) % all.length);
        return turn + 1 < all.length ? attempt(turn + 1) : undefined;
      },
    });
    return attempt(0);
  };
}

/** Equal for requests that connections may serve in turn. */
function keyOf({ protocol }: URL, tls: TlsOptions | undefined): string {
  const secure = protocol === "https:";
  return JSON.stringify(secure && [tls?.skipVerify === true, tls?.ca, tls?.cert, tls?.key]);
}
