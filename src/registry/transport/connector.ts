import { connect as connectTcp, type OnReadOpts, type Socket } from "node:net";
import type { SecureContext, TLSSocket } from "node:tls";
import { BoundedMap } from "../../async/bounded-map.ts";
import { addressFamily } from "../http/address-family.ts";
import type { ProxyServer } from "../http/proxy-server.ts";
import { moveSteps, noteSteps } from "./connection-steps.ts";
import { handshakeError } from "./handshake-error.ts";
import { nodeTls } from "./node-tls.ts";
import { ProxyFailure } from "./proxy-failure.ts";
import { type Reading, SocketFeed } from "./socket-feed.ts";
import { openTunnel } from "./tunnel.ts";
import { errors } from "./undici.ts";

/** TLS sessions kept for resumption, one per host and port; the one used least goes, which costs one full handshake. */
const MAX_TLS_SESSIONS = 100;

/** Hosts of which it is remembered that they speak nothing but HTTP/2; the one used least goes, which costs one connection. */
const MAX_H2_HOSTS = 100;

/** What TLS says of a server that does not speak HTTP/1.1. */
const NO_HTTP1 = "ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL";

/** How the TLS connections of one connector are made. */
export interface ConnectorOptions {
  /** Asked before each TLS connection; gives the same context each time. */
  readonly secureContext: () => SecureContext;
  /** `false` accepts any certificate. */
  readonly rejectUnauthorized: boolean;
  /** Of buffers that are used again and again; `undefined`: every chunk gets memory of its own. */
  readonly reading: Reading | undefined;
}

/** Where a connection leads. */
export interface ConnectTarget {
  readonly secure: boolean;
  readonly hostname: string;
  readonly port: number;
  /** Where to ask for a tunnel to the target, instead of connecting to it. */
  readonly tunnel?: TunnelOptions | undefined;
}

/** The proxy of a tunnel, and how it is reached. */
export interface TunnelOptions {
  readonly proxy: ProxyServer;
  /** Makes the connection to the proxy itself; must give every chunk memory of its own. */
  readonly connector: Connector;
}

/** What surrounds one connection on its way up. */
export interface ConnectContext {
  /** Longest time until the connection stands, in milliseconds. */
  readonly timeoutMs: number;
  /** Each socket is in here until it is closed, for whoever has to destroy them all. */
  readonly sockets: Set<Socket>;
}

/**
 * Opens sockets that are ready for a request: of HTTP/1.1, over which bulk data moves faster, and of HTTP/2 to a server that
 * refuses the other. Which one it is, is the socket's `alpnProtocol`.
 */
export class Connector {
  readonly #options: ConnectorOptions;
  readonly #sessions = new BoundedMap<string, Buffer>(MAX_TLS_SESSIONS);
  readonly #h2Hosts = new BoundedMap<string, true>(MAX_H2_HOSTS);

  constructor(options: ConnectorOptions) {
    this.#options = options;
  }

  /** A socket that stands, TLS included. Rejects with what Node says, `ConnectTimeoutError`, or a `ProxyFailure`. */
  async open(target: ConnectTarget, { timeoutMs, sockets }: ConnectContext): Promise<Socket> {
    const under = new Set<Socket>();
    let isTaken = false;
    const note = (socket: Socket): void => {
      under.add(socket);
      socket.once("connect", () => {
        isTaken = true;
      });
      // Not the `signal` of `net.connect`: Node never takes its listener off again, and that would hold the buffer.
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
    };
    const timer = setTimeout(() => {
      const error = new errors.ConnectTimeoutError(`no connection after ${timeoutMs} ms`);
      for (const socket of under) socket.destroy(error);
    }, timeoutMs);
    try {
      return await this.#openAs(target, note);
    } catch (error) {
      for (const socket of under) socket.destroy();
      throw target.secure && !target.tunnel && isTaken ? handshakeError(error) : error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** By the protocol that the server is known to speak, or turns out to speak. */
  async #openAs(target: ConnectTarget, note: (socket: Socket) => void): Promise<Socket> {
    const host = keyOf(target);
    const isKnown = this.#h2Hosts.get(host) === true;
    try {
      return await this.#open({ ...target, http2: isKnown }, note);
    } catch (error) {
      if (isKnown || (error as { readonly code?: unknown }).code !== NO_HTTP1) throw error;
      const socket = await this.#open({ ...target, http2: true }, note);
      this.#h2Hosts.set(host, true);
      return socket;
    }
  }

  async #open(target: ProtocolTarget, note: (socket: Socket) => void): Promise<Socket> {
    if (target.tunnel) return await this.#openInTunnel(target, target.tunnel, note);
    const { secure, hostname, port, http2 } = target;
    // Node's HTTP/2 reads from the socket's handle itself, past any buffer of ours.
    const { reading } = this.#options;
    const feed = reading && !http2 ? new SocketFeed({ secure, reading }) : undefined;
    const address = { host: hostname, port, noDelay: true, keepAlive: true };
    const onread = feed && { onread: feed.onread };
    const startedAtMs = performance.now();
    const socket = secure
      ? this.#secured(target, { ...address, ...onread })
      : connectTcp({ ...address, ...onread });
    note(socket);
    const steps = noteSteps(socket, startedAtMs);
    feed?.attach(socket);
    await connected(socket, secure ? "secureConnect" : "connect");
    if (secure) steps.securedAtMs = performance.now();
    return socket;
  }

  async #openInTunnel(
    target: ProtocolTarget,
    { proxy, connector }: TunnelOptions,
    note: (socket: Socket) => void,
  ): Promise<Socket> {
    const raw = await connector.#open(proxy.address, note).catch((cause: unknown) => {
      throw new ProxyFailure(proxy, cause);
    });
    await openTunnel(raw, target, proxy);
    const socket = this.#secured(target, { socket: raw });
    note(socket);
    const steps = moveSteps(raw, socket);
    if (steps) steps.tunneledAtMs = performance.now();
    await connected(socket, "secureConnect");
    if (steps) steps.securedAtMs = performance.now();
    return socket;
  }

  #secured(target: ProtocolTarget, over: TlsTransport): TLSSocket {
    const { secureContext, rejectUnauthorized } = this.#options;
    const { hostname, http2 = false } = target;
    const key = keyOf(target);
    const session = this.#sessions.get(key);
    return nodeTls()
      .connect({
        ...over,
        host: hostname,
        rejectUnauthorized,
        ALPNProtocols: [http2 ? "h2" : "http/1.1"],
        secureContext: secureContext(),
        ...(addressFamily(hostname) === 0 && { servername: hostname }),
        ...(session && { session }),
      })
      .on("session", (fresh: Buffer) => this.#sessions.set(key, fresh));
  }
}

/** Where a connection leads, and the protocol that is spoken there. */
interface ProtocolTarget extends ConnectTarget {
  readonly http2?: boolean;
}

function keyOf({ hostname, port }: ConnectTarget): string {
  return `${hostname}:${port}`;
}

/** What TLS runs over: a connection to be made, or a socket that stands. */
type TlsTransport =
  | { readonly socket: Socket }
  | {
      readonly port: number;
      readonly noDelay: boolean;
      readonly keepAlive: boolean;
      readonly onread?: OnReadOpts;
    };

function connected(socket: Socket, event: "connect" | "secureConnect"): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once(event, resolve);
    // Stays: an error that comes when nobody listens any more would end the process.
    socket.on("error", reject);
    socket.once("close", () => reject(new errors.SocketError("closed before it was connected")));
  });
}
