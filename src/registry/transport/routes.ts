import type { HttpRequest } from "../http/send.ts";
import type { TlsOptions } from "../http/tls-options.ts";
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
}

/** Finds the route of a request. */
export type RouteOf = (url: URL, request: Pick<HttpRequest, "tls" | "connectTimeoutMs">) => RequestRoute;

/**
 * The routes of a transport: directly, through a proxy that is sent whole URLs (http), or in a proxy's tunnel (https). Throws
 * `ErrInvalidArgument` for a malformed proxy.
 */
export function createRoutes(options: ConnectionOptions, limits: ConnectionLimits): RouteOf {
  const proxyFor = proxyRoutes(options.proxy);
  const contextFor = tlsContexts(options.authorities);
  const reuseBuffers = options.reuseBuffers !== false;
  const connectors = new Map<string, Connector>();

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

  return (url, { tls, connectTimeoutMs: timeoutMs = limits.connectTimeoutMs }) => {
    const secure = url.protocol === "https:";
    const target: ConnectTarget = { secure, hostname: bareHost(url), port: portOf(url) };
    const tlsKey = JSON.stringify(secure && [tls?.skipVerify === true, tls?.ca, tls?.cert, tls?.key]);
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
  };
}
