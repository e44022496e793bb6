import type { Clock } from "../../async/clock.ts";

/** Requests for short answers that are under way over one connection, at most: more of them would wait longer than they spare. */
export const MAX_PIPELINED = 4;

/** How long a host gets no request behind another one after that went wrong, in milliseconds; four times as long each further time. */
export const FIRST_REST_MS = 10_000;

/** Longest such rest. */
const MAX_REST_MS = 3_600_000;

/**
 * How many requests one host gets over a connection before it has answered the first of them (RFC 9112, section 9.3.2). Servers answer
 * them one after the other, so what the host has to do at once stays the same, and what is spared is the round trip. Only hosts that
 * keep connections open get more than one, and none after answers have got lost that way.
 */
export class Pipelining {
  readonly #isOn: boolean;
  readonly #clock: Clock;
  #keepsOpen = false;
  #restMs = FIRST_REST_MS;
  /** End of the last rest. */
  #untilMs: number | undefined;

  constructor(isOn: boolean, clock: Clock) {
    this.#isOn = isOn;
    this.#clock = clock;
  }

  /** Requests for short answers that one connection may have under way at present. */
  get depth(): number {
    return this.#isOn && this.#keepsOpen && !this.#rests ? MAX_PIPELINED : 1;
  }

  /** A connection has stayed open behind an answer. */
  keptOpen(): void {
    this.#keepsOpen = true;
  }

  /** The host did not answer a request that was sent behind another one, or not as it should have. */
  failed(): void {
    if (this.#rests) return; // several were lost at the same time
    const nowMs = this.#clock.elapsed();
    this.#untilMs = nowMs + this.#restMs;
    this.#restMs = Math.min(4 * this.#restMs, MAX_REST_MS);
  }

  /** Asked for each slot and each connection: most hosts have never rested, and need no clock for that. */
  get #rests(): boolean {
    return this.#untilMs !== undefined && this.#clock.elapsed() < this.#untilMs;
  }
}
