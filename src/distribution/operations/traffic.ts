import type { EventEmitter } from "eventemitter3";
import { KeyedListeners } from "../../async/keyed-listeners.ts";
import type { Release } from "../../async/keyed-lock.ts";
import type { Digest } from "../../digest/digest.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { Arrival } from "../../remotes/arriving.ts";
import type { DistributionEvents } from "../api/events.ts";
import type { Logger } from "../api/logger.ts";
import type { ServedContent, TakenContent } from "../api/moved-content.ts";

/** Content on its way into the store. */
interface Incoming {
  /** Equal keys are the same bytes. */
  readonly key: string;
  /** Absent as long as nobody knows it. */
  readonly digest?: Digest | undefined;
}

/** A content that is known by its digest. */
export function incoming({ digest }: Descriptor): Incoming {
  return { key: digest, digest };
}

/** What an endpoint has brought of a content. */
type Delivery = Arrival & { readonly endpoint: string };

/** Nobody else has brought anything of a content. */
const NOBODY: ReadonlyMap<string, number> = new Map();

/** Whom the traffic of an engine is told. */
export interface TrafficListeners {
  readonly events: Pick<EventEmitter<DistributionEvents>, "emit">;
  readonly logger: Logger;
}

/**
 * Which endpoint brings or takes what. Transfers are shared: whoever moves something tells it here, and it is booked on the accounts
 * of all operations that want it.
 */
export class Traffic {
  readonly #arrivals = new KeyedListeners<Delivery>();
  readonly #departures = new KeyedListeners<TakenContent>();
  readonly #listeners: TrafficListeners;
  #bytesServed = 0;

  constructor(listeners: TrafficListeners) {
    this.#listeners = listeners;
  }

  /** An account of what endpoints bring for one pull; the caller closes it. */
  openIncoming(): IncomingAccount {
    return new IncomingAccount(this.#arrivals);
  }

  /** An account of what endpoints take for one push; the caller closes it. */
  openOutgoing(): OutgoingAccount {
    return new OutgoingAccount(this.#departures);
  }

  /** Bytes that endpoints have brought, of attempts that have ended. */
  get bytesServed(): number {
    return this.#bytesServed;
  }

  /** An attempt at a content has ended: what came is booked by who brought it. */
  arrived(content: Incoming, { endpoint, from, to, beside = NOBODY }: Delivery): void {
    let reached = to;
    const shares: Delivery[] = [];
    for (const [other, bytes] of beside) {
      const start = Math.max(from, reached - bytes);
      shares.unshift({ endpoint: other, from: start, to: reached });
      reached = start;
    }
    for (const share of [{ endpoint, from, to: reached }, ...shares]) this.#arrived(content, share);
  }

  #arrived({ key, digest }: Incoming, { endpoint, from, to }: Delivery): void {
    this.#arrivals.tell(key, { endpoint, from, to });
    const bytes = to - from;
    if (bytes <= 0) return;
    this.#bytesServed += bytes;
    const { events, logger } = this.#listeners;
    logger.debug({ content: digest ?? key, endpoint, bytes, from }, "content served");
    events.emit("served", { digest, endpoint, bytes });
  }

  /** An endpoint has a content that it did not have before. */
  taken(key: string, content: TakenContent): void {
    this.#departures.tell(key, content);
    const { events, logger } = this.#listeners;
    logger.debug({ ...content }, "content taken");
    events.emit("taken", content);
  }
}

/** What endpoints brought of a content. */
interface Contribution {
  digest: Digest | undefined;
  readonly from: Map<string, number>;
}

/** What endpoints brought of the contents that one pull wants, as far as they did while it wanted them. */
export class IncomingAccount implements Disposable {
  readonly #arrivals: KeyedListeners<Delivery>;
  readonly #contents = new Map<string, Contribution>();
  readonly #releases: Release[] = [];

  constructor(arrivals: KeyedListeners<Delivery>) {
    this.#arrivals = arrivals;
  }

  /** From now on the content is wanted. It may be told again, with its digest when that is known. */
  wants({ key, digest }: Incoming): void {
    const known = this.#contents.get(key);
    if (known) {
      known.digest ??= digest;
      return;
    }
    const from = new Map<string, number>();
    this.#contents.set(key, { digest, from });
    this.#releases.push(this.#arrivals.listen(key, (delivery) => book(from, delivery)));
  }

  /** Bytes of a content that endpoints brought, by its key; of one that is known by its digest, that. */
  bytesOf(key: string): number {
    const { from } = this.#contents.get(key) ?? this.#known(key) ?? {};
    return from ? [...from.values()].reduce((sum, bytes) => sum + bytes, 0) : 0;
  }

  /** By content and endpoint, in the order in which they were wanted and came. */
  get served(): readonly ServedContent[] {
    return [...this.#contents.values()].flatMap(({ digest, from }) =>
      digest === undefined ? [] : [...from].map(([endpoint, bytes]) => ({ digest, endpoint, bytes })),
    );
  }

  [Symbol.dispose](): void {
    for (const release of this.#releases.splice(0)) release();
  }

  /** One whose digest was found out later. */
  #known(digest: string): Contribution | undefined {
    return [...this.#contents.values()].find((content) => content.digest === digest);
  }
}

/** Who keeps less than was there has thrown the rest away: what came last, as far as anybody knows. */
function book(byEndpoint: Map<string, number>, { endpoint, from, to }: Delivery): void {
  let thrownAway = [...byEndpoint.values()].reduce((sum, bytes) => sum + bytes, -from);
  for (const [other, bytes] of [...byEndpoint].toReversed()) {
    const gone = Math.min(bytes, Math.max(0, thrownAway));
    thrownAway -= gone;
    if (gone === bytes) byEndpoint.delete(other);
    else byEndpoint.set(other, bytes - gone);
  }
  if (to > from) byEndpoint.set(endpoint, (byEndpoint.get(endpoint) ?? 0) + to - from);
}

/** What endpoints took of the contents that one push brings. */
export class OutgoingAccount implements Disposable {
  readonly #departures: KeyedListeners<TakenContent>;
  readonly #taken = new Map<string, TakenContent>();
  readonly #releases = new Map<string, Release>();

  constructor(departures: KeyedListeners<TakenContent>) {
    this.#departures = departures;
  }

  /** From now on the content is wanted at its endpoint. It may be told again. */
  wants(key: string): void {
    if (this.#releases.has(key)) return;
    const listener = (content: TakenContent): void => void this.#taken.set(key, content);
    this.#releases.set(key, this.#departures.listen(key, listener));
  }

  /** In the order in which it was taken. */
  get taken(): readonly TakenContent[] {
    return [...this.#taken.values()];
  }

  [Symbol.dispose](): void {
    for (const release of this.#releases.values()) release();
    this.#releases.clear();
  }
}
