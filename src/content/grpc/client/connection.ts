import { type ClientHttp2Session, connect as connectHttp2, type SessionOptions } from "node:http2";
import { connect as connectTo, type NetConnectOpts } from "node:net";
import { type AbortOptions, abortable } from "../../../async/abort.ts";
import type { Release } from "../../../async/keyed-lock.ts";
import { ErrUnavailable } from "../../../errors/classes.ts";
import { type Address, authorityOf, formatAddress } from "../address.ts";

/** How long a service may take to greet, in milliseconds: what gRPC's clients give it. */
const CONNECT_TIMEOUT_MS = 20_000;

/**
 * How long a TCP connection is silent before the kernel looks whether the other end is still there, in milliseconds. A host
 * that vanished is noticed about ten seconds later. Pings of HTTP/2 would do as well, but Go's servers end connections of
 * clients that ping more often than every five minutes.
 */
const TCP_KEEPALIVE_MS = 30_000;

/**
 * Bytes of a stream, and of all streams of a connection, that may be under way: several messages, so that the service
 * need not wait.
 */
const STREAM_WINDOW_BYTES = 4 * 1_048_576;
const CONNECTION_WINDOW_BYTES = 16 * 1_048_576;

/** Memory that the streams of a connection may use, in megabytes; what bounds it really are the windows. */
const MAX_CONNECTION_MB = 4_096;

/** A connection for one call. */
export interface SessionLease {
  readonly session: ClientHttp2Session;
  /** Why the connection broke, when it did. */
  readonly lost: () => Error | undefined;
  /** To be called when the call is over. Calling twice is fine. */
  readonly release: Release;
}

/**
 * The connection to a service: made when a call needs one and there is none, shared by all calls. There is no pause between two
 * attempts, because each is made for somebody who waits; whoever repeats calls backs off. It keeps the process alive only while
 * somebody uses it.
 */
export class Connection {
  readonly #address: Address;
  #current: Peer | undefined;
  #connecting: Promise<Peer> | undefined;
  #users = 0;

  constructor(address: Address) {
    this.#address = address;
  }

  /** Throws `ErrUnavailable` when the service cannot be reached, and the abort error as soon as the signal fires. */
  async acquire({ signal }: AbortOptions = {}): Promise<SessionLease> {
    const release = this.#use();
    try {
      const { session, lost } = await abortable(this.#peer(), signal);
      return { session, lost, release };
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Drops the connection; calls that are under way end. */
  close(): void {
    this.#current?.session.destroy();
  }

  #use(): Release {
    let used = true;
    if (this.#users++ === 0) this.#current?.session.ref();
    return () => {
      if (used && --this.#users === 0) this.#current?.session.unref();
      used = false;
    };
  }

  async #peer(): Promise<Peer> {
    const current = this.#current;
    if (current?.isReady) return current;
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined;
    });
    return await this.#connecting;
  }

  async #connect(): Promise<Peer> {
    const peer = new Peer(this.#address, () => {
      if (this.#current === peer) this.#current = undefined;
    });
    this.#current = peer;
    await peer.greeted;
    return peer;
  }
}

/** One connection from its first byte to its last. */
class Peer {
  readonly session: ClientHttp2Session;
  /** Resolves when the service has greeted; rejects with `ErrUnavailable`. */
  readonly greeted: Promise<void>;
  /** Whether calls can be made. */
  isReady = false;
  #reason: Error | undefined;

  /** @param onGone called when no more calls can be made */
  constructor(address: Address, onGone: () => void) {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.greeted = promise;
    const socket = connectTo(socketOptions(address));
    this.session = connectHttp2(`http://${authorityOf(address)}`, {
      ...SESSION_OPTIONS,
      createConnection: () => socket,
    });
    const { session } = this;
    const timer = setTimeout(() => {
      session.destroy(new Error(`got no greeting within ${CONNECT_TIMEOUT_MS} ms`));
    }, CONNECT_TIMEOUT_MS).unref();
    const leave = (): void => {
      this.isReady = false;
      onGone();
    };
    session.once("remoteSettings", () => {
      clearTimeout(timer);
      session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
      this.isReady = true;
      resolve();
    });
    session.on("error", (error) => {
      this.#reason ??= error;
    });
    session.once("goaway", leave);
    session.once("close", () => {
      clearTimeout(timer);
      leave();
      const reason = this.#reason?.message ?? "the connection was closed";
      reject(new ErrUnavailable(`connect to ${formatAddress(address)}: ${reason}`, { cause: this.#reason }));
    });
  }

  readonly lost = (): Error | undefined => this.#reason;
}

const SESSION_OPTIONS = {
  maxSessionMemory: MAX_CONNECTION_MB,
  settings: { enablePush: false, initialWindowSize: STREAM_WINDOW_BYTES },
} satisfies SessionOptions;

function socketOptions(address: Address): NetConnectOpts {
  if (address.kind === "unix") return { path: address.path };
  const { host, port } = address;
  return { host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: TCP_KEEPALIVE_MS };
}
