import type { Claim } from "./claim.ts";
import type { Pace } from "./pacing.ts";
import { RateMeter } from "./rate-meter.ts";

/** One of the connections over which a content comes, from one request to the next. */
export class RangeLine {
  #claim: Claim | undefined;
  #meter: RateMeter | undefined;
  #askedAtMs = 0;
  #cut = new AbortController();
  #lastRate: number | undefined;
  /** Bytes of requests that are over. */
  #broughtBytes = 0;

  /** Fires when what it brings is left to another one. */
  get signal(): AbortSignal {
    return this.#cut.signal;
  }

  /** Bytes per second, of late or of the last request; `undefined` as long as nothing is known. */
  get rate(): number | undefined {
    return this.#meter?.rate || this.#lastRate;
  }

  /** Bytes that have come over it. */
  get bytes(): number {
    return this.#broughtBytes + (this.#claim ? this.#claim.reached - this.#claim.start : 0);
  }

  /** Whether something has come over it, or it has nothing to do. */
  get isMoving(): boolean {
    return this.bytes > 0 || this.#claim === undefined;
  }

  /** What it brings. */
  get claim(): Claim | undefined {
    return this.#claim;
  }

  /** From now on it brings this. */
  begin(claim: Claim, nowMs: number): void {
    this.#claim = claim;
    this.#askedAtMs = nowMs;
    this.#meter = new RateMeter(nowMs, claim.reached);
    this.#cut = new AbortController();
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
