import { type AbortOptions, abortable, abortError, throwIfAborted } from "../../async/abort.ts";
import { type Clock, systemClock } from "../../async/clock.ts";
import type { Waiter } from "../../async/waiting.ts";
import { ErrCanceled } from "../../errors/classes.ts";
import type { Asker } from "../http/send.ts";
import type { Connection } from "./connection.ts";

/** Which connections may serve a request, and how to make one. */
export interface Route {
  /** Connections of one key are the same to every request: origin, TLS options, proxy. */
  readonly key: string;
  /** What sockets are counted by: host and port of the server. */
  readonly host: string;
  /** A new connection; `onClosed` is to be called when its socket has closed. */
  readonly connect: (onClosed: (connection: Connection) => void) => Connection;
}

/**
 * Waits for a connection that give back what they hold, at once: somebody else takes it and may come to wait here as well,
 * with a file open. Whoever comes beyond that keeps it.
 */
const MAX_OPEN_WAITS = 64;

/** How many sockets may be open at once. */
export interface PoolLimits {
  readonly maxSocketsPerHost: number;
  readonly maxSockets: number;
}

interface Turn {
  /** Place in the line of the whole pool. */
  readonly number: number;
  readonly route: Route;
  readonly maxIdleMs: number;
  readonly resolve: (connection: Connection) => void;
  readonly reject: (error: Error) => void;
}

/** A wait for a connection. */
type Wanted = AbortOptions & Pick<Turn, "route" | "maxIdleMs">;

/** A connection that nobody uses. */
interface Idle {
  readonly connection: Connection;
  /** When it was used last, on the clock's `elapsed`. */
  readonly sinceMs: number;
}

/** What is known of one host. */
interface HostState {
  openSockets: number;
  /** Least recently used first. */
  readonly idle: Idle[];
  readonly waiting: Set<Turn>;
}

/**
 * The connections of a transport. Whoever finds no free socket waits in line, first come first served, over all hosts whose
 * own number of sockets allows it: a host that is slow keeps nobody waiting but its own. An unused connection counts as open, and
 * makes room for one that is needed.
 */
export class ConnectionPool {
  readonly #limits: PoolLimits;
  readonly #clock: Pick<Clock, "elapsed">;
  readonly #hosts = new Map<string, HostState>();
  readonly #routes = new Map<Connection, Route>();
  #turns = 0;
  #openWaits = 0;
  #closed: Error | undefined;

  constructor(limits: PoolLimits, clock: Pick<Clock, "elapsed"> = systemClock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** A connection for one request; `release` gives it back. */
  async acquire(
    route: Route,
    { signal, waiter, maxIdleMs = Number.POSITIVE_INFINITY }: AcquireOptions,
  ): Promise<Connection> {
    throwIfAborted(signal);
    if (this.#closed) throw this.#closed;
    const host = this.#hostOf(route);
    const connection = host.waiting.size === 0 ? this.#take(host, { route, maxIdleMs }) : undefined;
    return connection ?? (await this.#waitOpenly(host, { route, maxIdleMs, signal }, waiter));
  }

  /** The request is over. The connection is kept for another one if it still stands and `reusable` says so. */
  release(connection: Connection, reusable: boolean): void {
    const route = this.#routes.get(connection);
    if (!route) return;
    if (reusable && connection.isOpen)
      this.#hostOf(route).idle.push({ connection, sinceMs: this.#clock.elapsed() });
    else this.#drop(connection, new ErrCanceled("connection not used again"));
    this.#serve();
  }

  /** Closes everything; whoever waits fails with `reason`, and so does every later `acquire`. */
  async close(reason: Error): Promise<void> {
    this.#closed = reason;
    const turns = [...this.#hosts.values()].flatMap(({ waiting }) => [...waiting]);
    const connections = [...this.#routes.keys()];
    this.#hosts.clear();
    this.#routes.clear();
    for (const { reject } of turns) reject(reason);
    await Promise.all(connections.map((connection) => connection.destroy(reason)));
  }

  #hostOf({ host: name }: Route): HostState {
    const known = this.#hosts.get(name);
    if (known) return known;
    const host = { openSockets: 0, idle: [], waiting: new Set<Turn>() };
    this.#hosts.set(name, host);
    return host;
  }

  /** An idle connection of the route or, where the limits allow it, a new one. */
  #take(host: HostState, { route, maxIdleMs }: Pick<Wanted, "route" | "maxIdleMs">): Connection | undefined {
    const since = this.#clock.elapsed() - maxIdleMs;
    const kept = host.idle.findLastIndex(
      ({ connection, sinceMs }) => sinceMs > since && this.#routes.get(connection)?.key === route.key,
    );
    const [idle] = kept < 0 ? [] : host.idle.splice(kept, 1);
    if (idle) return idle.connection;
    if (!this.#makeRoom(host)) return undefined;
    this.#hosts.set(route.host, host); // the last connection of the host may just have gone
    host.openSockets++;
    const made = route.connect((closed) => this.#onClosed(closed));
    this.#routes.set(made, route);
    return made;
  }

  /** Whether one more socket may be opened to the host, perhaps in the place of one that nobody uses. */
  #makeRoom(host: HostState): boolean {
    if (host.openSockets >= this.#limits.maxSocketsPerHost) return this.#dropIdle([host]);
    return this.#routes.size < this.#limits.maxSockets || this.#dropIdle(this.#hosts.values());
  }

  #dropIdle(hosts: Iterable<HostState>): boolean {
    for (const { idle } of hosts) {
      const [oldest] = idle;
      if (!oldest) continue;
      this.#drop(oldest.connection, new ErrCanceled("connection makes room for another one"));
      return true;
    }
    return false;
  }

  #drop(connection: Connection, reason: Error): void {
    const route = this.#routes.get(connection);
    if (!route) return;
    const host = this.#hostOf(route);
    this.#routes.delete(connection);
    host.openSockets--;
    const at = host.idle.findIndex((idle) => idle.connection === connection);
    if (at >= 0) host.idle.splice(at, 1);
    this.#forget(route, host);
    void connection.destroy(reason);
  }

  /** The socket of a connection has closed by itself. One that is in use is told by its request. */
  #onClosed(connection: Connection): void {
    const route = this.#routes.get(connection);
    if (!route || !this.#hostOf(route).idle.some((idle) => idle.connection === connection)) return;
    this.#drop(connection, new ErrCanceled("connection closed"));
    this.#serve();
  }

  /** Nothing is kept of a host that has no sockets and no requests. */
  #forget({ host: name }: Route, host: HostState): void {
    if (host.openSockets === 0 && host.waiting.size === 0) this.#hosts.delete(name);
  }

  async #waitOpenly(host: HostState, wanted: Wanted, waiter: Waiter | undefined): Promise<Connection> {
    const turn = this.#wait(host, wanted);
    if (!waiter || this.#openWaits >= MAX_OPEN_WAITS) return await turn;
    this.#openWaits++;
    try {
      return await waiter.wait(`Waiting for a connection to ${wanted.route.host}`, (signal) =>
        abortable(turn, signal),
      );
    } catch (error) {
      // Whoever waited is gone, perhaps in the moment of getting one.
      turn.then(
        (connection) => this.release(connection, true),
        () => {},
      );
      throw error;
    } finally {
      this.#openWaits--;
    }
  }

  #wait(host: HostState, { route, maxIdleMs, signal }: Wanted): Promise<Connection> {
    return new Promise<Connection>((resolve, reject) => {
      const leave = (): void => {
        host.waiting.delete(turn);
        this.#forget(route, host);
        if (signal) reject(abortError(signal));
      };
      const turn: Turn = {
        number: this.#turns++,
        route,
        maxIdleMs,
        resolve: (connection) => {
          signal?.removeEventListener("abort", leave);
          resolve(connection);
        },
        reject: (error) => {
          signal?.removeEventListener("abort", leave);
          reject(error);
        },
      };
      host.waiting.add(turn);
      signal?.addEventListener("abort", leave, { once: true });
    });
  }

  /** Lets in whoever is first in line and finds a connection, as often as that is somebody. */
  #serve(): void {
    for (;;) {
      const line = [...this.#hosts.values()].flatMap((host) => {
        const [turn] = host.waiting;
        return turn ? [{ host, turn }] : [];
      });
      line.sort((one, other) => one.turn.number - other.turn.number);
      if (!line.some(({ host, turn }) => this.#let(host, turn))) return;
    }
  }

  #let(host: HostState, turn: Turn): boolean {
    const connection = this.#take(host, turn);
    if (!connection) return false;
    host.waiting.delete(turn);
    turn.resolve(connection);
    return true;
  }
}

/** What is particular about one wait for a connection. */
export interface AcquireOptions extends Asker {
  /** Connections that nobody has used for so long, in milliseconds, are passed over; 0: all that were ever used. */
  readonly maxIdleMs?: number | undefined;
}
