import { throwIfAborted } from "../async/abort.ts";
import { type Clock, systemClock } from "../async/clock.ts";
import { waitTurn } from "../async/wait-turn.ts";

/**
 * How long somebody may work without moving a byte before another one with a source of his own starts beside him, in
 * milliseconds: what "happy eyeballs" (RFC 8305) allows a connection that does not come about.
 */
export const PATIENCE_MS = 250;

/** The right to work alone. */
export interface Turn {
  /** Whether it moves bytes at present, or is about to; a turn whose holder queues for a slot is not quiet. */
  working: boolean;
  /** Says that bytes have moved. */
  moved(): void;
  /** Lets the next one work. Again does nothing. */
  give(): void;
}

/** Stands for the one who was called and has not come yet. */
const RESERVED: Turn = { working: false, moved() {}, give() {} };

/**
 * Lets those who could do the same work do it one after the other, first come first served. Who waits, has failed or moves
 * nothing does not hold up the next one: a turn is given on at once in the first two cases, after `PATIENCE_MS` in the third.
 */
export class Turns {
  readonly #clock: Clock;
  readonly #queue: Array<() => void> = [];
  #holder: Turn | undefined;
  #moves = 0;
  #watching = false;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /** A turn if nobody has one, which the caller must give back. */
  tryTake(): Turn | undefined {
    return this.#holder ? undefined : this.#grant();
  }

  /** Waits for a turn, which the caller must give back. Rejects with the abort error when the signal fires. */
  async take(signal: AbortSignal): Promise<Turn> {
    throwIfAborted(signal);
    if (this.#holder) {
      const granted = waitTurn(this.#queue, { signal });
      void this.#watch();
      await granted;
    }
    return this.#grant();
  }

  #grant(): Turn {
    const turn: Turn = {
      working: false,
      moved: () => {
        if (this.#holder === turn) this.#moves++;
      },
      give: () => {
        if (this.#holder === turn) this.#pass();
      },
    };
    this.#holder = turn;
    return turn;
  }

  #pass(): void {
    const next = this.#queue.shift();
    this.#holder = next && RESERVED;
    next?.();
  }

  /** Runs while somebody waits. */
  async #watch(): Promise<void> {
    if (this.#watching) return;
    this.#watching = true;
    while (this.#queue.length > 0) {
      const [holder, moves] = [this.#holder, this.#moves];
      await this.#clock.sleep(PATIENCE_MS);
      if (holder?.working && holder === this.#holder && moves === this.#moves) this.#pass();
    }
    this.#watching = false;
  }
}
