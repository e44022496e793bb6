import { type Clock, systemClock } from "./clock.ts";
import { type CallOptions, SharedCalls, type StartCall } from "./shared-calls.ts";
import type { SharedKind } from "./shared-traces.ts";

/**
 * A call is joined only by those who come so soon after its start, in milliseconds. A question about
 * something that changes is answered for nobody who asks much later, and a call that hangs holds up nobody
 * but those who came with it.
 */
const JOIN_MS = 1_000;

/** Calls shared by key, like `SharedCalls`, among those who ask at about the same time. */
export class JoinableCalls<T> {
  readonly #calls: SharedCalls<T>;
  readonly #newest = new Map<string, { readonly number: number; readonly startedAtMs: number }>();
  readonly #clock: Clock;
  #number = 0;

  /** @param kind what the calls are in traces */
  constructor(clock: Clock = systemClock, kind: SharedKind = "other") {
    this.#clock = clock;
    this.#calls = new SharedCalls(clock, kind);
  }

  /**
   * Joins a call of `key` that has just started, or starts one. Rejects with its error, or `ErrCanceled` by
   * `signal`.
   */
  async run(key: string, start: StartCall<T>, options: CallOptions = {}): Promise<T> {
    const call = this.#joinable(key) ?? { number: ++this.#number, startedAtMs: this.#clock.elapsed() };
    this.#newest.set(key, call);
    try {
      return await this.#calls.run(`${call.number} ${key}`, start, options);
    } finally {
      if (this.#newest.get(key) === call) this.#newest.delete(key);
    }
  }

  /** Whoever asks from now on joins no call of before: something has changed. */
  startAnew(): void {
    this.#newest.clear();
  }

  #joinable(key: string) {
    const newest = this.#newest.get(key);
    return newest && this.#clock.elapsed() - newest.startedAtMs < JOIN_MS ? newest : undefined;
  }
}
