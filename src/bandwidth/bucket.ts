/**
 * How much of an unused allowance is kept, in milliseconds: enough for a timer that is late, and of ten seconds two per cent.
 */
export const BURST_MS = 200;

/** What may pass one limit, one way: bytes come in at its rate, and are taken out by what passes. */
export class Bucket {
  #rate: number;
  #level: number;
  #filledAtMs: number;
  /** Whether somebody waits for what is in here. */
  isContended = false;

  /** @param rate bytes per second; infinite for no limit */
  constructor(rate: number, nowMs: number) {
    this.#rate = rate;
    this.#level = this.#most;
    this.#filledAtMs = nowMs;
  }

  /** Bytes per second. */
  get rate(): number {
    return this.#rate;
  }

  /** Bytes that may pass now. */
  get level(): number {
    return this.#level;
  }

  /** Changes the rate; what was saved up at the old one is worth no more than at the new one. */
  setRate(rate: number, nowMs: number): void {
    this.fill(nowMs);
    this.#rate = rate;
    this.#level = Math.min(this.#level, this.#most);
  }

  /** Lets come in what is due. Time in which nobody asked, or the process was stopped, is worth `BURST_MS` at most. */
  fill(nowMs: number): void {
    if (nowMs <= this.#filledAtMs) return;
    const due = (this.#rate * (nowMs - this.#filledAtMs)) / 1_000;
    this.#filledAtMs = nowMs;
    this.#level = Math.min(this.#most, this.#level + due);
  }

  /** Takes bytes out, or puts back with a negative number what did not pass after all. */
  take(bytes: number): void {
    this.#level = Math.min(this.#most, this.#level - bytes);
  }

  get #most(): number {
    return Math.max(1, (this.#rate * BURST_MS) / 1_000);
  }
}
