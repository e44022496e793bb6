import { throwIfAborted } from "../../../../src/async/abort.ts";
import type { Clock } from "../../../../src/async/clock.ts";
import type { ByteRange } from "../../../../src/content/byte-ranges.ts";
import { ByteRanges } from "../../../../src/content/byte-ranges.ts";
import { HERE, type Place } from "../../../../src/registry/http/send.ts";
import type { Claim } from "../../../../src/remotes/ranges/claim.ts";
import type { RangePlace } from "../../../../src/remotes/ranges/range-place.ts";
import type { Fetcher, FetchOptions, RemoteContent } from "../../../../src/remotes/remote.ts";

/** How often something comes, in milliseconds. */
const PULSE_MS = 20;

/** A request, in the order in which they came. */
export interface Asked {
  readonly number: number;
  readonly offset: number;
  /** `undefined`: to the end. */
  readonly end: number | undefined;
}

/** How a server answers one request. */
export interface Manner {
  /** Bytes per second over this connection; 0: silent. */
  readonly rate: number;
  /** Bytes that come at once, before it is at that rate. */
  readonly burstBytes?: number;
  /** Whether it sends the whole, whatever was asked for. */
  readonly whole?: boolean;
  /** Thrown in place of an answer. */
  readonly refusal?: Error;
  /** Thrown after so many bytes of the body. */
  readonly breaks?: { readonly afterBytes: number; readonly error: Error };
  /** Milliseconds from the request to the headers; default: the round trip. */
  readonly answersAfterMs?: number;
}

/** What a network is like. */
export interface NetworkOptions {
  readonly size: number;
  readonly clock: Clock;
  readonly roundTripMs?: number;
  /** Bytes per second over all connections. Default: no limit. */
  readonly lineRate?: number;
  /** What part of its time the thread that receives is busy. Default 0. */
  readonly busyPart?: number;
  readonly manner: (asked: Asked) => Manner;
}

/** A body, as the simulated place takes it. */
interface SimulatedContent extends RemoteContent {
  readonly network: SimulatedNetwork;
  readonly manner: Manner;
  readonly signal: AbortSignal | undefined;
}

/** A server, a line and a file, in which time is what the test says. */
export class SimulatedNetwork implements Fetcher, RangePlace {
  readonly asked: Asked[] = [];
  readonly #options: NetworkOptions;
  readonly #there: ByteRanges;
  /** Bytes that came, some of them twice perhaps. */
  cameBytes = 0;
  active = 0;
  /** What is being brought. */
  readonly #claims = new Set<Claim>();
  /** Most connections over which something came at the same time. */
  mostAtOnce = 0;

  constructor(options: NetworkOptions, there: readonly ByteRange[] = []) {
    this.#options = options;
    this.#there = new ByteRanges(there);
  }

  get bytes(): number {
    return this.#there.bytes;
  }

  /** Bytes that were asked for, are being sent and have not come. */
  get onTheWayBytes(): number {
    return [...this.#claims].reduce((sum, { left }) => sum + left, 0);
  }

  get there(): readonly ByteRange[] {
    return this.#there.list;
  }

  async fetch(_: unknown, { offset = 0, signal }: FetchOptions = {}): Promise<RemoteContent> {
    const { manner } = await this.#answer({ offset, end: undefined, signal });
    return this.#content(manner.whole ? 0 : offset, manner, signal);
  }

  async fetchPart(
    _: unknown,
    { offset, end, signal }: FetchOptions & { readonly offset: number; readonly end: number },
  ): Promise<RemoteContent | undefined> {
    const { manner } = await this.#answer({ offset, end, signal });
    return manner.whole ? undefined : this.#content(offset, manner, signal);
  }

  get busyMs(): number {
    return this.#options.clock.elapsed() * (this.#options.busyPart ?? 0);
  }

  get address(): Place {
    return HERE;
  }

  takes(): boolean {
    return true;
  }

  async moveHere(): Promise<void> {}

  async pour(from: RemoteContent, claim: Claim, skip: number): Promise<void> {
    const { manner, signal, network } = from as SimulatedContent;
    let [toSkip, came, burst] = [skip, 0, manner.burstBytes ?? 0];
    network.active++;
    network.#claims.add(claim);
    network.mostAtOnce = Math.max(network.mostAtOnce, network.active);
    try {
      while (claim.left > 0) {
        await this.#options.clock.sleep(PULSE_MS, { signal });
        const bytes = network.pulseBytes(manner) + burst;
        burst = 0;
        came += bytes;
        const skipped = Math.min(toSkip, bytes);
        toSkip -= skipped;
        this.#take(claim, bytes - skipped);
        if (manner.breaks && came >= manner.breaks.afterBytes) throw manner.breaks.error;
      }
    } finally {
      network.active--;
      network.#claims.delete(claim);
    }
  }

  async #answer({ offset, end, signal }: Omit<Asked, "number"> & { signal: AbortSignal | undefined }) {
    throwIfAborted(signal);
    const asked = { number: this.asked.length, offset, end };
    this.asked.push(asked);
    const manner = this.#options.manner(asked);
    await this.#options.clock.sleep(manner.answersAfterMs ?? this.#options.roundTripMs ?? 1, { signal });
    if (manner.refusal) throw manner.refusal;
    return { manner };
  }

  /** Bytes that come at once over one of the connections that there are. */
  pulseBytes({ rate }: Manner): number {
    const { lineRate = Number.POSITIVE_INFINITY } = this.#options;
    return Math.floor((Math.min(rate, lineRate / this.active) * PULSE_MS) / 1_000);
  }

  #take(claim: Claim, bytes: number): void {
    const to = Math.min(claim.end, claim.reached + bytes);
    this.cameBytes += Math.max(0, to - claim.reached);
    this.#there.add({ from: claim.reached, to });
    if (to > claim.reached) claim.reached = to;
  }

  #content(offset: number, manner: Manner, signal: AbortSignal | undefined): SimulatedContent {
    return { offset, manner, signal, network: this, pipeTo: async () => {}, discard: async () => {} };
  }
}
