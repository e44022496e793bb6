import type { Socket } from "node:net";
import { createSecureContext, getCACertificates, type SecureContext } from "node:tls";
import { Agent, type Dispatcher, EnvHttpProxyAgent } from "undici";
import type { TlsOptions } from "../http/tls-options.ts";
import { onreadConnector } from "./onread-connector.ts";

/** Longest time until a connection stands, TLS included (moby's dialer: 30 s). */
export const CONNECT_TIMEOUT_MS = 30_000;

/** Longest wait for the headers of an answer; registries that look into their storage first take a few seconds. */
export const HEADERS_TIMEOUT_MS = 30_000;

/** Longest silence inside a body, sent or received, before the connection counts as dead. */
export const BODY_IDLE_TIMEOUT_MS = 30_000;

/** Longest header block of an answer, in bytes: room for several signed `Location` or challenge headers. */
export const MAX_RESPONSE_HEADER_BYTES = 32 * 1024;

/** Proxies by the scheme of the request; their URLs may hold user and password. */
export interface ProxyOptions {
  readonly httpProxy?: string | undefined;
  readonly httpsProxy?: string | undefined;
  /** Hosts to reach directly, separated by commas; `*` for all. */
  readonly noProxy?: string | undefined;
}

/** How connections are made. Every field has a default. */
export interface ConnectionOptions {
  readonly connectTimeoutMs?: number | undefined;
  readonly headersTimeoutMs?: number | undefined;
  readonly bodyIdleTimeoutMs?: number | undefined;
  /** Default: no proxy; the environment is not looked at. */
  readonly proxy?: ProxyOptions | undefined;
  /** `false` gives every received chunk memory of its own, at twice the CPU time. Always so through a proxy. */
  readonly reuseBuffers?: boolean | undefined;
}

/** What the agents of one transport share. */
interface SharedByAgents {
  /** The sockets that are open or about to be, of direct connections. */
  readonly sockets: Set<Socket>;
  /** Destroys the sockets of connections through a proxy. */
  readonly signal: AbortSignal;
}

/** Connections to any origin, all with the same TLS options. Whoever closes the agent destroys its `sockets` as well. */
export function createAgent(
  tls: TlsOptions | undefined,
  { signal, sockets, ...options }: ConnectionOptions & SharedByAgents,
): Dispatcher {
  const connectTimeoutMs = options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
  const secureContext = tls && secureContextOf(tls);
  const rejectUnauthorized = tls?.skipVerify !== true;
  const shared = {
    allowH2: false,
    connectTimeout: connectTimeoutMs,
    headersTimeout: options.headersTimeoutMs ?? HEADERS_TIMEOUT_MS,
    bodyTimeout: options.bodyIdleTimeoutMs ?? BODY_IDLE_TIMEOUT_MS,
    maxHeaderSize: MAX_RESPONSE_HEADER_BYTES,
  };
  const connect = {
    rejectUnauthorized,
    signal,
    timeout: connectTimeoutMs,
    ...(secureContext && { secureContext }),
  };
  if (options.proxy) {
    // An absent proxy is the empty string, because undici would look for `undefined` in the environment.
    const { httpProxy = "", httpsProxy = "", noProxy = "" } = options.proxy;
    return new EnvHttpProxyAgent({ ...shared, connect, requestTls: connect, httpProxy, httpsProxy, noProxy });
  }
  if (options.reuseBuffers === false) return new Agent({ ...shared, connect });
  const connector = onreadConnector({ connectTimeoutMs, rejectUnauthorized, secureContext, sockets });
  return new Agent({ ...shared, connect: connector });
}

/** One context for all connections: to parse the authorities again each time would take longer than the handshake. */
function secureContextOf({ ca, cert, key }: TlsOptions): SecureContext {
  return createSecureContext({
    ...(ca && { ca: [...getCACertificates("default"), ...ca] }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  });
}
