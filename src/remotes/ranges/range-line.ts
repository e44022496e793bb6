import type { Claim } from "./claim.ts";
import type { Pace } from "./pacing.ts";
import type { RangeSource } from "./range-sources.ts";
import { RateMeter } from "./rate-meter.ts";

/** One of the connections over which a content comes, from one request to the next. */
export class RangeLine {
  readonly source: RangeSource;
  #claim: Claim | undefined;
  #meter: RateMeter | undefined;
  #askedAtMs = 0;
  #isOffer = false;
  #cut = new AbortController();
  #lastRate: number | undefined;
  #latencyMs: number | undefined;
  /** Bytes of requests that are over. */
  #broughtBytes = 0;

  constructor(source: RangeSource) {
    this.source = source;
  }

  /** Fires when what it brings is left to another one. */
  get signal(): AbortSignal {
    return this.#cut.signal;
  }

  /** Bytes per second, of late or of the last request; `undefined` as long as nothing is known. */
  get rate(): number | undefined {
    return this.#meter?.rate || this.#lastRate;
  }

  /**
   * How long the request took that was answered soonest, in milliseconds; 0 before there was one. Others may have waited for something
   * else than the server.
   */
  get latencyMs(): number {
    return this.#latencyMs ?? 0;
  }

  /** Bytes that have come over it. */
  get bytes(): number {
    return this.#broughtBytes + (this.#claim ? this.#claim.reached - this.#claim.start : 0);
  }

  /** Whether nothing of what it brings has come. */
  get hasNothing(): boolean {
    return this.#claim !== undefined && this.#claim.reached === this.#claim.start;
  }

  /** Whether something has come over it, or it has nothing to do. */
  get isMoving(): boolean {
    return this.bytes > 0 || this.#claim === undefined;
  }

  /** What it brings. */
  get claim(): Claim | undefined {
    return this.#claim;
  }

  /**
   * From now on it brings this.
   *
   * @param isOffer whether somebody else does as long as there is no answer
   */
  begin(claim: Claim, nowMs: number, isOffer: boolean): void {
    this.#claim = claim;
    this.#isOffer = isOffer;
    this.#askedAtMs = nowMs;
    this.#meter = new RateMeter(nowMs, claim.reached);
    this.#cut = new AbortController();
  }

  /** There is an answer. */
  answered(nowMs: number): void {
    this.#latencyMs = Math.min(this.#latencyMs ?? Number.POSITIVE_INFINITY, nowMs - this.#askedAtMs);
  }

  /** What it was offered is its own. */
  accept(): void {
    this.#isOffer = false;
  }

  /** Whether it keeps an offer from others, who would have had an answer by now: within so many milliseconds. */
  isLateAt(nowMs: number, patienceMs: number): boolean {
    return this.#claim !== undefined && this.#isOffer && nowMs - this.#askedAtMs >= patienceMs;
  }

  /** Looks how far it is. */
  look(nowMs: number): void {
    if (!this.#claim) return;
    this.#meter?.look(nowMs, this.#claim.reached);
  }

  /** How it goes; `undefined` when it does nothing. */
  paceAt(nowMs: number): Pace | undefined {
    if (!this.#claim || !this.#meter) return undefined;
    return { claim: this.#claim, rate: this.#meter.rate, ageMs: nowMs - this.#askedAtMs };
  }

  /** What it brings comes over another one. */
  leave(): void {
    this.#cut.abort();
  }

  /** Its request is over. */
  end(nowMs: number): void {
    this.look(nowMs);
    this.#lastRate = this.#meter?.rate || this.#lastRate;
    this.#broughtBytes = this.bytes;
    this.#claim = undefined;
    this.#meter = undefined;
  }
}
