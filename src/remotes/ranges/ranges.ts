import { BoundedMap } from "../../async/bounded-map.ts";
import { type Clock, systemClock } from "../../async/clock.ts";
import type { Digest } from "../../digest/digest.ts";

/** Size in bytes from which a content comes in ranges, unless told otherwise: at 30 MB/s for a connection, half a second of it. */
const FROM_BYTES = 16 * 1024 * 1024;

/** Connections for contents in ranges at once, unless told otherwise, over all of them: as many as large layers come at once. */
const AT_ONCE = 8;

/**
 * The same for one that comes alone: what a host of which nothing is known is asked at once. Of several each sees what it takes from the
 * others as a gain.
 */
const AT_ONCE_ALONE = 16;

/** Least bytes of a range, unless told otherwise: at 30 MB/s for a connection ten times as long as its request takes. */
const PIECE_BYTES = 4 * 1024 * 1024;

/** How long a rate is measured before there are more connections, unless told otherwise, in milliseconds. */
const STEP_MS = 25;

/** Endpoints, and contents of them, that gave no ranges and are remembered. */
const MAX_REFUSALS = 1_024;

/** For how long they are, in milliseconds: what stands before a storage may be mended meanwhile. */
const REFUSAL_KEPT_MS = 10 * 60 * 1_000;

/** How large contents are brought in ranges. */
export interface RangeOptions {
  /**
   * Size in bytes from which it is done.
   * @defaultValue 16,777,216
   * @example fromBytes: 64 * 1024 * 1024
   */
  readonly fromBytes?: number | undefined;
  /**
   * Most connections for it at once, over all contents, of which each has one in any case.
   * @unit connections
   * @defaultValue 8, and 16 for one that comes alone
   * @avoid beyond what a server gives one client
   * @example atOnce: 4
   */
  readonly atOnce?: number | undefined;
  /**
   * Least bytes of a range.
   * @defaultValue 4,194,304
   * @avoid as little as a megabyte: each range is a request, and many take longer than they save
   * @example pieceBytes: 16 * 1024 * 1024
   */
  readonly pieceBytes?: number | undefined;
  /**
   * How long the rate of a content is measured before it gets more connections, and whether these have helped, in milliseconds;
   * 0: it gets them at once.
   * @defaultValue 25
   * @example stepMs: 250
   */
  readonly stepMs?: number | undefined;
  /**
   * Which endpoints of a reference a content may come from at the same time: the one whose turn it is; that one and the mirrors;
   * or all of them, the registry itself as well. Mirrors are there to spare the registry, and one of them may be dear.
   * @defaultValue `"one"`
   * @example from: "mirrors"
   */
  readonly from?: RangeEndpoints | undefined;
}

/** Which endpoints a content may come from at the same time. */
export type RangeEndpoints = "one" | "mirrors" | "all";

/** What surrounds contents in ranges. */
export interface RangesParts {
  readonly clock?: Clock | undefined;
  /** How many contents the server of an URL is asked for at once, where somebody knows it. */
  readonly roomAt?: ((url: string) => number) | undefined;
}

/** A content's share of the connections, to be disposed of when it is here. */
export interface RangeShare extends Disposable {
  /** How many it may have at present; less than one where others need them all. */
  readonly most: number;
  /** How many an endpoint is asked for at once, whatever it is asked for. */
  readonly roomAt: (endpoint: string) => number;
}

/** What all contents in ranges of one engine share: the connections for them, and what is known of who gives no ranges. */
export class Ranges {
  readonly fromBytes: number;
  readonly pieceBytes: number;
  readonly stepMs: number;
  readonly from: RangeEndpoints;
  readonly clock: Clock;
  readonly #atOnce: number | undefined;
  readonly #roomAt: ((url: string) => number) | undefined;
  /** Until when, by the clock's `elapsed`. */
  readonly #refusals = new BoundedMap<string, number>(MAX_REFUSALS);
  #contents = 0;

  constructor(options: RangeOptions = {}, { clock = systemClock, roomAt }: RangesParts = {}) {
    const { fromBytes = FROM_BYTES, atOnce, pieceBytes = PIECE_BYTES, stepMs = STEP_MS } = options;
    this.fromBytes = fromBytes;
    this.pieceBytes = pieceBytes;
    this.stepMs = stepMs;
    this.from = options.from ?? "one";
    this.clock = clock;
    this.#atOnce = atOnce;
    this.#roomAt = roomAt;
  }

  /** A share for one content. */
  take(): RangeShare {
    this.#contents++;
    const most = (): number => {
      const atOnce = this.#atOnce ?? (this.#contents > 1 ? AT_ONCE : AT_ONCE_ALONE);
      return Math.floor(atOnce / this.#contents);
    };
    return {
      get most() {
        return most();
      },
      roomAt: (endpoint) => this.#roomAt?.(endpoint) ?? Number.POSITIVE_INFINITY,
      [Symbol.dispose]: () => {
        this.#contents--;
      },
    };
  }

  /** An endpoint gave no range, or, where a digest is named, wrong bytes in ranges of that content: it is not asked for any for a while. */
  refuse(endpoint: string, digest?: Digest): void {
    this.#refusals.set(keyOf(endpoint, digest), this.clock.elapsed() + REFUSAL_KEPT_MS);
  }

  /** Whether an endpoint may be asked for ranges of a content. */
  allows(endpoint: string, digest: Digest): boolean {
    return ![keyOf(endpoint), keyOf(endpoint, digest)].some((key) => {
      return (this.#refusals.get(key) ?? 0) > this.clock.elapsed();
    });
  }
}

function keyOf(endpoint: string, digest = ""): string {
  return `${endpoint} ${digest}`;
}
