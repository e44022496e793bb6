import type { Carrier } from "./carrier.ts";
import type { HostBudget } from "./host-budget.ts";
import type { Pipelining } from "./pipelining.ts";

/** Which connections may serve a request, and how to make one. */
export interface Route {
  /** Connections of one key are the same to every request: origin, TLS options, proxy. */
  readonly key: string;
  /** What sockets are counted by: host and port of the server. */
  readonly host: string;
  /** A new connection; `onClosed` is to be called when its socket has closed. */
  readonly connect: (onClosed: (carrier: Carrier) => void) => Carrier;
}

/** A place in a line. */
export interface Turn {
  /** Place in the line of the whole pool. */
  readonly number: number;
  readonly route: Route;
  /** Connections that nobody has used for so long are passed over. */
  readonly maxIdleMs: number;
  readonly bulk: boolean;
  /** Whether it may share a connection with others like it. */
  readonly brief: boolean;
  /** Whether the one who waits has given up what it holds, and has to get that back before it can use a connection. */
  readonly open: boolean;
  readonly resolve: (connection: Carrier) => void;
  readonly reject: (error: Error) => void;
}

/** A connection that nobody uses. */
export interface Idle {
  readonly connection: Carrier;
  /** When it was used last, on the clock's `elapsed`. */
  readonly sinceMs: number;
}

/** What is known of one host. */
export interface PoolHost {
  readonly budget: HostBudget;
  readonly pipelining: Pipelining;
  openSockets: number;
  /** Least recently used first. */
  readonly idle: Idle[];
  /** Connections over which a blob moves. */
  readonly bulk: Set<Carrier>;
  /** Those of them over which only short answers come, and how many are under way. */
  readonly shared: Map<Carrier, number>;
  /** Connections of those who wait openly and have yet to come back for them, by their places in line. */
  readonly reserved: Map<number, Carrier>;
  /** Requests for documents, and those for blobs: each first come, first served. */
  readonly waiting: Record<"documents" | "blobs", Set<Turn>>;
}

/** How the sockets of one host are used. */
export interface HostUse {
  /** Host and port. */
  readonly host: string;
  /** Those that are open, or being opened. */
  readonly connections: number;
  readonly idle: number;
  /** Requests that wait for one. */
  readonly waiting: number;
  /** How many requests it is sent at once. */
  readonly requestsAtOnce: number;
}

/** A host of which nothing is open. */
export function poolHost({ budget, pipelining }: Pick<PoolHost, "budget" | "pipelining">): PoolHost {
  const waiting = { documents: new Set<Turn>(), blobs: new Set<Turn>() };
  const bulk = new Set<Carrier>();
  const [shared, reserved] = [new Map<Carrier, number>(), new Map<number, Carrier>()];
  return { budget, pipelining, openSockets: 0, idle: [], bulk, shared, reserved, waiting };
}

/** Where requests of one kind wait. */
export function lineOf({ waiting }: PoolHost, bulk: boolean): Set<Turn> {
  return bulk ? waiting.blobs : waiting.documents;
}

const NOBODY: readonly Turn[] = [];

/** Who may come next, of each kind: the first in line, and the first who still holds what a connection is used with. */
export function nextOf({ waiting }: PoolHost): readonly Turn[] {
  if (waiting.documents.size + waiting.blobs.size === 0) return NOBODY; // as after nearly every answer
  return [waiting.documents, waiting.blobs].flatMap((line) => {
    const [first] = line;
    if (!first?.open) return first ? [first] : [];
    const ready = [...line].find(({ open }) => !open);
    return ready ? [first, ready] : [first];
  });
}

/**
 * Whether the budget of a host has room for one more request. The last one is kept for documents; where blobs have used it up all
 * the same, as after it was halved, one document goes beside them.
 */
export function hasRoom({ budget, openSockets, idle, bulk: blobs }: PoolHost, bulk: boolean): boolean {
  const used = openSockets - idle.length;
  if (!bulk && used === blobs.size) return true;
  return used < budget.requests && (!bulk || blobs.size < blobsOf(budget));
}

/** How many more sockets blobs could use, by the budget of their host. */
export function roomFor({ budget, openSockets }: PoolHost): number {
  return blobsOf(budget) - openSockets;
}

/** How many of a budget's requests may be for blobs. */
export function blobsOf({ requests }: Pick<HostBudget, "requests">): number {
  return Math.max(1, requests - 1);
}

/** How the sockets of a host are used at the moment. */
export function useOf(host: string, { openSockets, idle, waiting, budget }: PoolHost): HostUse {
  return {
    host,
    connections: openSockets,
    idle: idle.length,
    waiting: waiting.documents.size + waiting.blobs.size,
    requestsAtOnce: budget.requests,
  };
}

/** The connection, of those that `isFit`, over which fewest short answers come, if it may have one more: then it is counted. */
export function takeShare(
  { shared, pipelining }: PoolHost,
  isFit: (connection: Carrier) => boolean,
): Carrier | undefined {
  let best: Carrier | undefined;
  let fewest = pipelining.depth;
  if (fewest === 1) return undefined;
  // Not in a loop over pairs: each small blob goes through all connections, and V8 would make two objects for each of them.
  for (const connection of shared.keys()) {
    const count = shared.get(connection) ?? 0;
    if (count >= fewest || !isFit(connection)) continue;
    best = connection;
    fewest = count;
  }
  if (best) shared.set(best, fewest + 1);
  return best;
}

/** The place on a shared connection, of those that `isFit`, that somebody has yet to come back for. */
export function takePlace(
  { shared, reserved }: PoolHost,
  isFit: (connection: Carrier) => boolean,
): Carrier | undefined {
  for (const [number, connection] of reserved) {
    if (!shared.has(connection) || !isFit(connection)) continue;
    reserved.delete(number);
    return connection;
  }
  return undefined;
}

/** Takes a connection from all who have yet to come back for it, unless others use it. Whether it could be had. */
export function freeReserved({ reserved, shared }: PoolHost, connection: Carrier): boolean {
  const numbers = [...reserved].flatMap(([number, one]) => (one === connection ? [number] : []));
  if (numbers.length < (shared.get(connection) ?? 1)) return false;
  for (const number of numbers) reserved.delete(number);
  return true;
}
