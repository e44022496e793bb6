import { type ClientHttp2Session, connect as connectHttp2, type SessionOptions } from "node:http2";
import { connect as connectTo, type NetConnectOpts } from "node:net";
import { type AbortOptions, abortable } from "../../../async/abort.ts";
import { type BackoffPolicy, nextDelayMs } from "../../../async/backoff.ts";
import { type Clock, systemClock } from "../../../async/clock.ts";
import type { Release } from "../../../async/keyed-lock.ts";
import { ErrUnavailable } from "../../../errors/classes.ts";
import { type Address, authorityOf } from "../../../sockets/address.ts";

/** How long a service may take to greet, in milliseconds: what gRPC's clients give it. */
const CONNECT_TIMEOUT_MS = 20_000;

/**
 * How long a TCP connection is silent before the kernel looks whether the other end is still there, in milliseconds. A host
 * that vanished is noticed about ten seconds later. Pings of HTTP/2 would do as well, but Go's servers end connections of
 * clients that ping more often than every five minutes.
 */
const TCP_KEEPALIVE_MS = 30_000;

/** How long a service that was there may be away, in milliseconds: it is started again in this time, on a busy machine too. */
const RESTART_MS = 10_000;

/** How often a service that is being started again is looked for. */
const RECONNECT: BackoffPolicy = {
  maxAttempts: Number.POSITIVE_INFINITY,
  baseMs: 16,
  maxMs: 256,
  maxRetryAfterMs: 0,
  random: Math.random,
};

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

/** How a connection is found again. */
export interface ConnectionOptions {
  /** How long a service that was there may be away before calls fail, in milliseconds; default 10,000. */
  readonly restartMs?: number | undefined;
  readonly clock?: Clock | undefined;
}

/**
 * The connection to a service: made when a call needs one and there is none, shared by all calls. A service that was
 * never there fails a call at the first attempt, because each is made for somebody who waits, and whoever repeats
 * calls backs off. One that was there is given time to be started again, all calls together: who comes later waits
 * less. It keeps the process alive only while somebody uses it.
 */
export class Connection {
  readonly #address: Address;
  readonly #restartMs: number;
  readonly #clock: Clock;
  readonly #closing = new AbortController();
  #current: Peer | undefined;
  #connecting: Promise<Peer> | undefined;
  #users = 0;
  /** Until when a service that went away may come back, on the clock that only moves on. */
  #awaitedUntil = 0;

  constructor(address: Address, { restartMs = RESTART_MS, clock = systemClock }: ConnectionOptions = {}) {
    this.#address = address;
    this.#restartMs = restartMs;
    this.#clock = clock;
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
    this.#closing.abort();
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
    if (current?.takesCalls) return current;
    if (current?.wasReady) this.#left(current); // its end is not announced yet
    this.#connecting ??= this.#reach().finally(() => {
      this.#connecting = undefined;
    });
    return await this.#connecting;
  }

  async #reach(): Promise<Peer> {
    const { signal } = this.#closing;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#connect();
      } catch (error) {
        const isAwaited = this.#clock.elapsed() < this.#awaitedUntil;
        if (!isAwaited || this.#users === 0 || signal.aborted) throw error;
        await this.#clock.sleep(nextDelayMs(RECONNECT, attempt) ?? 0, { signal });
      }
    }
  }

  async #connect(): Promise<Peer> {
    const peer = new Peer(this.#address, () => this.#left(peer));
    this.#current = peer;
    if (this.#users === 0) peer.session.unref(); // whoever it was made for has left
    await peer.greeted;
    return peer;
  }

  #left(peer: Peer): void {
    if (this.#current !== peer) return;
    this.#current = undefined;
    if (peer.wasReady) this.#awaitedUntil = this.#clock.elapsed() + this.#restartMs;
  }
}

/** One connection from its first byte to its last. */
class Peer {
  readonly session: ClientHttp2Session;
  /** Resolves when the service has greeted; rejects with `ErrUnavailable`. */
  readonly greeted: Promise<void>;
  /** Whether the service has greeted. */
  wasReady = false;
  #isLeaving = false;
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
      this.#isLeaving = true;
      onGone();
    };
    session.once("remoteSettings", () => {
      clearTimeout(timer);
      session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
      this.wasReady = true;
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
      reject(new ErrUnavailable(reason, { cause: this.#reason }));
    });
  }

  /** Whether calls can be made. */
  get takesCalls(): boolean {
    const { closed, destroyed } = this.session;
    return this.wasReady && !this.#isLeaving && !closed && !destroyed;
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
