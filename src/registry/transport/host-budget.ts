import type { Clock } from "../../async/clock.ts";

/** Requests to a host of which nothing is known yet, at once; twice as many after each round of quick answers. */
export const FIRST_REQUESTS = 16;

/** An answer whose headers come within this time, in milliseconds, says that the host can take more. */
export const QUICK_ANSWER_MS = 1_000;

/** Answers with which a host says that it has too much to do. */
const OVERLOADED: ReadonlySet<number> = new Set([429, 503]);

/** What became of a request, as far as it tells how busy its host is. */
export interface Outcome {
  /** Status of the answer; `undefined` when the connection broke. */
  readonly status: number | undefined;
  /** When the request was sent, by the clock's `elapsed`. */
  readonly sentAtMs: number;
  /** Whether all that were allowed were under way: otherwise nobody needs more. */
  readonly full: boolean;
}

/** A change of a budget. */
export interface BudgetChange {
  /** Requests at once from now on. */
  readonly requests: number;
  /** Requests at once before: growing is by one, the other way is half of them. */
  readonly before: number;
  /** What led to it: a status, a connection that broke, or quick answers. */
  readonly because: string;
}

/**
 * How many requests one host is asked at once: more as long as it answers quickly, half as many when it says 429 or 503 or
 * breaks connections (additive increase, multiplicative decrease). It is never less than one, nor more than `most`.
 */
export class HostBudget {
  readonly #most: number;
  readonly #clock: Clock;
  #requests: number;
  /** Up to here each quick answer adds one, as nothing has gone wrong so far; beyond, a round of them does. */
  #easyUpTo: number;
  /** Quick answers since the last one was added. */
  #quick = 0;
  /** Whoever was sent before saw the host as it was before. */
  #halvedAtMs = Number.NEGATIVE_INFINITY;

  constructor(most: number, clock: Clock) {
    this.#most = most;
    this.#clock = clock;
    this.#requests = Math.min(FIRST_REQUESTS, most);
    this.#easyUpTo = most;
  }

  /** Requests that may be under way at once. */
  get requests(): number {
    return this.#requests;
  }

  /** Takes what became of a request; gives the change that it makes, if any. */
  note({ status, sentAtMs, full }: Outcome): BudgetChange | undefined {
    if (status === undefined) return this.#halve(sentAtMs, "a connection broke");
    if (OVERLOADED.has(status)) return this.#halve(sentAtMs, `it answered ${status}`);
    const isQuick = this.#clock.elapsed() - sentAtMs <= QUICK_ANSWER_MS;
    return isQuick && full ? this.#grow() : undefined;
  }

  /** Requests that were under way together are told once that there were too many. */
  #halve(sentAtMs: number, because: string): BudgetChange | undefined {
    if (sentAtMs < this.#halvedAtMs) return undefined;
    this.#halvedAtMs = this.#clock.elapsed();
    this.#quick = 0;
    const before = this.#requests;
    this.#requests = Math.max(1, Math.floor(before / 2));
    this.#easyUpTo = this.#requests;
    return before === this.#requests ? undefined : { requests: this.#requests, before, because };
  }

  #grow(): BudgetChange | undefined {
    if (this.#requests >= this.#most) return undefined;
    this.#quick++;
    if (this.#requests >= this.#easyUpTo && this.#quick < this.#requests) return undefined;
    this.#quick = 0;
    const before = this.#requests++;
    return { requests: this.#requests, before, because: "it answers quickly" };
  }
}
