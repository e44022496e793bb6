import { type AbortOptions, abortable, abortError, throwIfAborted } from "../../async/abort.ts";
import { systemClock } from "../../async/clock.ts";
import type { Waiter } from "../../async/waiting.ts";
import { mayYield, type YieldingFlow } from "../../bandwidth/flow.ts";
import { ErrCanceled } from "../../errors/classes.ts";
import type { Carrier } from "./carrier.ts";
import { HostBearings } from "./host-bearings.ts";
import type { Outcome } from "./host-budget.ts";
import {
  blobsOf,
  freeReserved,
  type HostUse,
  hasRoom,
  lineOf,
  nextOf,
  type PoolHost,
  poolHost,
  type Route,
  roomFor,
  type Turn,
  takePlace,
  takeShare,
  useOf,
} from "./pool-host.ts";
import type { AcquireOptions, PoolLimits, PoolParts } from "./pool-options.ts";

/**
 * Waits for a connection that give back what they hold, at once: somebody else takes it and may come to wait here as well,
 * with a file open. Whoever comes beyond that keeps it.
 */
const MAX_OPEN_WAITS = 64;

/** A wait for a connection. */
type Wanted = AbortOptions & Pick<Turn, "route" | "maxIdleMs" | "bulk" | "brief">;

/**
 * The connections of a transport. Whoever finds no free socket waits in line, first come first served, over all hosts
 * whose own budget allows it: a host that is slow keeps nobody waiting but its own. The last request that a budget
 * has room for is never a blob's, whose bytes may take minutes: a document finds a way past them. An unused
 * connection counts as open, and makes room for one that is needed. Requests for short answers share the connections of others like them
 * when all that the budget allows are in use (`Pipelining`).
 */
export class ConnectionPool {
  readonly #limits: PoolLimits;
  readonly #parts: PoolParts;
  readonly #hosts = new Map<string, PoolHost>();
  readonly #bearings: HostBearings;
  readonly #routes = new Map<Carrier, Route>();
  /** Connections over which somebody receives what gives way to others. */
  readonly #yielding = new Map<Carrier, YieldingFlow>();
  #turns = 0;
  #openWaits = 0;
  #closed: Error | undefined;

  constructor(limits: PoolLimits, parts: PoolParts = { clock: systemClock }) {
    this.#limits = limits;
    this.#parts = parts;
    this.#bearings = new HostBearings(limits, parts.clock);
  }

  /** A connection for one request; `release` gives it back. */
  async acquire(
    route: Route,
    {
      signal,
      waiter,
      flow,
      maxIdleMs = Number.POSITIVE_INFINITY,
      bulk = false,
      brief = false,
    }: AcquireOptions,
  ): Promise<Carrier> {
    throwIfAborted(signal);
    if (this.#closed) throw this.#closed;
    const host = this.#hostOf(route);
    const wanted = { route, maxIdleMs, bulk, brief: bulk && brief, signal };
    const free = lineOf(host, bulk).size === 0 ? this.#take(host, wanted) : undefined;
    const coming = free ?? this.#waitOpenly(host, wanted, waiter);
    if (!free && !mayYield(flow)) this.#interrupt(host); // it stands in line by now
    const connection = await coming;
    if (mayYield(flow)) this.#yielding.set(connection, flow);
    return connection;
  }

  /** Whoever stands still for others gives up a connection for one of them, of this host if there is any. */
  #interrupt(host: PoolHost): void {
    const held = [...this.#yielding].filter(([, flow]) => flow.isHeld);
    const [, flow] = held.find(([connection]) => host.bulk.has(connection)) ?? held[0] ?? [];
    flow?.cut();
  }

  /** What became of a request over `connection`, for the budget of its host; before `release`. */
  note(connection: Carrier, outcome: Omit<Outcome, "full">): void {
    const route = this.#routes.get(connection);
    if (!route) return;
    const host = this.#hostOf(route);
    const full = !hasRoom(host, host.bulk.has(connection));
    // It may take no more connections than so many, and those that nobody uses are among them.
    for (let drops = outcome.status === undefined; drops; ) drops = this.#dropIdle([host]);
    const change = host.budget.note({ ...outcome, full });
    if (!change) return;
    this.#parts.onBudget?.({ host: route.host, ...change });
    this.#serve();
  }

  /**
   * Opens connections for blobs that will be asked for soon, until there are `count` that nobody uses; fewer where the budget of the
   * host or the limits have no room. None is closed for that.
   */
  prepare(route: Route, count: number): void {
    if (this.#closed) return;
    const host = this.#hostOf(route);
    const wanted = Math.min(
      count - host.idle.length,
      roomFor(host),
      this.#limits.maxSockets - this.#routes.size,
    );
    for (let made = 0; made < wanted; made++) {
      const connection = this.#make(host, route);
      host.idle.push({ connection, sinceMs: this.#parts.clock.elapsed() });
      connection.prepare?.();
    }
  }

  /** How the sockets are used, by host. */
  hosts(): readonly HostUse[] {
    return Array.from(this.#hosts, ([name, host]) => useOf(name, host));
  }

  /** How many blobs a host, by the name in its routes, is asked for at once, each over a connection. */
  blobsAtOnce(host: string): number {
    return blobsOf(this.#bearings.of(host).budget);
  }

  /** How many short answers may share one of those at present. */
  briefEach(host: string): number {
    return this.#bearings.of(host).pipelining.depth;
  }

  /** A host, by the name in its routes, did not bear that a connection was shared. */
  notePipelining(host: string): void {
    this.#bearings.of(host).pipelining.failed();
  }

  /**
   * The request is over. The connection is kept for another one if it still stands and `reusable` says so; otherwise those who share it
   * are told that it is gone.
   */
  release(connection: Carrier, reusable: boolean): void {
    const route = this.#routes.get(connection);
    if (!route) return;
    const host = this.#hostOf(route);
    const others = (host.shared.get(connection) ?? 1) - 1;
    if (reusable && connection.isOpen) host.pipelining.keptOpen();
    if (reusable && others > 0) host.shared.set(connection, others);
    else if (reusable && connection.isOpen) this.#rest(host, connection);
    else this.#drop(connection, new ErrCanceled("connection not used again"));
    this.#serve();
  }

  /** Nobody uses the connection at present. */
  #rest(host: PoolHost, connection: Carrier): void {
    host.bulk.delete(connection);
    host.shared.delete(connection);
    this.#yielding.delete(connection);
    host.idle.push({ connection, sinceMs: this.#parts.clock.elapsed() });
  }

  /** Closes everything; whoever waits fails with `reason`, and so does every later `acquire`. */
  async close(reason: Error): Promise<void> {
    this.#closed = reason;
    const turns = [...this.#hosts.values()].flatMap(({ waiting }) => [
      ...waiting.documents,
      ...waiting.blobs,
    ]);
    const connections = [...this.#routes.keys()];
    this.#hosts.clear();
    this.#routes.clear();
    for (const { reject } of turns) reject(reason);
    await Promise.all(connections.map((connection) => connection.destroy(reason)));
  }

  #hostOf({ host: name }: Route): PoolHost {
    const known = this.#hosts.get(name);
    if (known) return known;
    const host = poolHost(this.#bearings.of(name));
    this.#hosts.set(name, host);
    return host;
  }

  /** A connection, if the budget of the host has room for the request and one may be had, or one that may be shared. */
  #take(host: PoolHost, wanted: Wanted): Carrier | undefined {
    const { bulk, brief } = wanted;
    const connection = hasRoom(host, bulk) ? this.#open(host, wanted) : undefined;
    if (!connection) return brief ? takeShare(host, (other) => this.#isOf(wanted.route, other)) : undefined;
    if (bulk) host.bulk.add(connection);
    if (brief) host.shared.set(connection, 1);
    return connection;
  }

  /** An idle connection of the route or, where the limits allow it, a new one. */
  #open(host: PoolHost, { route, maxIdleMs }: Pick<Wanted, "route" | "maxIdleMs">): Carrier | undefined {
    const since = this.#parts.clock.elapsed() - maxIdleMs;
    const kept = host.idle.findLastIndex(
      ({ connection, sinceMs }) => sinceMs > since && this.#isOf(route, connection),
    );
    const [idle] = kept < 0 ? [] : host.idle.splice(kept, 1);
    if (idle) return idle.connection;
    if (!this.#makeRoom(host)) return undefined;
    return this.#make(host, route);
  }

  #isOf({ key }: Route, connection: Carrier): boolean {
    return this.#routes.get(connection)?.key === key;
  }

  #make(host: PoolHost, route: Route): Carrier {
    this.#hosts.set(route.host, host); // the last connection of the host may just have gone
    host.openSockets++;
    const made = route.connect((closed) => this.#onClosed(closed));
    this.#routes.set(made, route);
    return made;
  }

  /** Whether one more socket may be opened to the host, perhaps in the place of one that nobody uses. */
  #makeRoom(host: PoolHost): boolean {
    if (host.openSockets >= this.#limits.maxSocketsPerHost) return this.#dropIdle([host]);
    return this.#routes.size < this.#limits.maxSockets || this.#dropIdle(this.#hosts.values());
  }

  #dropIdle(hosts: Iterable<PoolHost>): boolean {
    for (const { idle } of hosts) {
      const [oldest] = idle;
      if (!oldest) continue;
      this.#drop(oldest.connection, new ErrCanceled("connection makes room for another one"));
      return true;
    }
    return false;
  }

  #drop(connection: Carrier, reason: Error): void {
    const route = this.#routes.get(connection);
    if (!route) return;
    const host = this.#hostOf(route);
    this.#routes.delete(connection);
    this.#yielding.delete(connection);
    host.bulk.delete(connection);
    host.shared.delete(connection);
    for (const [number, reserved] of host.reserved) if (reserved === connection) host.reserved.delete(number);
    host.openSockets--;
    const at = host.idle.findIndex((idle) => idle.connection === connection);
    if (at >= 0) host.idle.splice(at, 1);
    this.#forget(route, host);
    void connection.destroy(reason);
  }

  /** The socket of a connection has closed by itself. One that is in use is told by its request. */
  #onClosed(connection: Carrier): void {
    const route = this.#routes.get(connection);
    if (!route || !this.#hostOf(route).idle.some((idle) => idle.connection === connection)) return;
    this.#drop(connection, new ErrCanceled("connection closed"));
    this.#serve();
  }

  /** Nothing is kept of a host that has no sockets and no requests. */
  #forget({ host: name }: Route, host: PoolHost): void {
    const { documents, blobs } = host.waiting;
    if (host.openSockets > 0 || documents.size + blobs.size > 0) return;
    if (this.#hosts.get(name) === host) this.#hosts.delete(name);
  }

  async #waitOpenly(host: PoolHost, wanted: Wanted, waiter: Waiter | undefined): Promise<Carrier> {
    const number = this.#turns++;
    if (!waiter || this.#openWaits >= MAX_OPEN_WAITS) return await this.#wait(host, wanted, { number });
    this.#openWaits++;
    const turn = this.#wait(host, wanted, { number, open: true });
    try {
      const reason = {
        code: "connection",
        words: `Waiting for a connection to ${wanted.route.host}`,
      } as const;
      const connection = await waiter.wait(reason, (signal) => abortable(turn, signal));
      if (host.reserved.delete(number)) return connection;
      throwIfAborted(wanted.signal);
      if (this.#closed) throw this.#closed;
      // The host may have been forgotten and met anew meanwhile, and others wait at the one that is known now.
      return await this.#wait(this.#hostOf(wanted.route), wanted, { number });
    } catch (error) {
      // Whoever waited is gone, perhaps in the moment of getting one.
      turn.then(
        (connection) => host.reserved.delete(number) && this.release(connection, true),
        () => {},
      );
      throw error;
    } finally {
      this.#openWaits--;
    }
  }

  #wait(
    host: PoolHost,
    { route, maxIdleMs, bulk, brief, signal }: Wanted,
    { number, open = false }: { readonly number: number; readonly open?: boolean },
  ): Promise<Carrier> {
    const line = lineOf(host, bulk);
    return new Promise<Carrier>((resolve, reject) => {
      const leave = (): void => {
        line.delete(turn);
        this.#forget(route, host);
        if (signal) reject(abortError(signal));
      };
      const turn: Turn = {
        number,
        route,
        maxIdleMs,
        bulk,
        brief,
        open,
        resolve: (connection) => {
          signal?.removeEventListener("abort", leave);
          resolve(connection);
        },
        reject: (error) => {
          signal?.removeEventListener("abort", leave);
          reject(error);
        },
      };
      this.#hosts.set(route.host, host);
      line.add(turn);
      signal?.addEventListener("abort", leave, { once: true });
      if (!open) this.#serve();
    });
  }

  /** Lets in whoever is first in line and finds a connection, as often as that is somebody. */
  #serve(): void {
    for (;;) {
      const line = [...this.#hosts.values()].flatMap((host) => nextOf(host).map((turn) => ({ host, turn })));
      if (line.length === 0) return;
      line.sort((one, other) => one.turn.number - other.turn.number);
      if (!line.some(({ host, turn }) => this.#let(host, turn))) return;
    }
  }

  #let(host: PoolHost, turn: Turn): boolean {
    const connection = this.#take(host, turn) ?? this.#takeReserved(host, turn);
    if (!connection) return false;
    lineOf(host, turn.bulk).delete(turn);
    if (turn.open) host.reserved.set(turn.number, connection);
    turn.resolve(connection);
    return true;
  }

  /**
   * A connection that is kept for somebody who has yet to get back what it gave up. Whoever waits and holds that all
   * the time goes first: otherwise the two might wait for each other. The one whose connection it was comes again.
   */
  #takeReserved(host: PoolHost, turn: Turn): Carrier | undefined {
    if (turn.open) return undefined;
    const isFull = this.#routes.size >= this.#limits.maxSockets;
    const place = turn.brief ? takePlace(host, (other) => this.#isOf(turn.route, other)) : undefined;
    if (place) return place;
    for (const owner of isFull ? [host, ...this.#hosts.values()] : [host]) {
      for (const reserved of owner.reserved.values()) {
        if (!freeReserved(owner, reserved)) continue; // whoever uses it will be done with it
        this.#rest(owner, reserved);
        const connection = this.#take(host, turn);
        if (connection) return connection;
      }
    }
    return undefined;
  }
}
