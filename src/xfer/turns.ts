import { throwIfAborted } from "../async/abort.ts";
import { type Clock, systemClock } from "../async/clock.ts";
import { waitTurn } from "../async/wait-turn.ts";

/**
 * How long somebody may work without moving a byte while another one with a source of his own waits, in milliseconds: what
 * "happy eyeballs" (RFC 8305) allows a connection that does not come about. It doubles each time, so that sources which are
 * all slow to begin do not break each other off for ever.
 */
export const PATIENCE_MS = 250;

/**
 * How many times as long somebody may be quiet who has moved bytes already: a body has pauses that a connection which does
 * not come about has not. At first that is two seconds.
 */
export const BODY_PATIENCE_FACTOR = 8;

/** Who gets a turn. */
export interface TurnTaker {
  /** How long it may be quiet at first, in milliseconds. */
  readonly patienceMs: number;
  /** Asks it to break off and come again later. Returns whether it will; otherwise the next one works beside it. */
  yield(): boolean;
}

/** The right to work alone. */
export interface Turn {
  /** From now on it is expected to move bytes; before, its holder may have queued for a slot. */
  begin(): void;
  /** Says that bytes have moved: it may be quiet for longer from now on, see `BODY_PATIENCE_FACTOR`. */
  moved(): void;
  /** Lets the next one work. Again does nothing. */
  give(): void;
}

interface HeldTurn extends Turn {
  /** Whether it is quiet, and for too long, and was not asked to break off since it began. */
  isOverdue(): boolean;
  /** Notes that it is asked to break off. */
  asked(): void;
  readonly taker: TurnTaker | undefined;
}

/** Stands for the one who was called and has not come yet. */
const RESERVED: HeldTurn = {
  begin() {},
  moved() {},
  give() {},
  isOverdue: () => false,
  asked() {},
  taker: undefined,
};

/**
 * Lets those who could do the same work do it one after the other, first come first served. Who waits, has failed or moves
 * nothing does not hold up the next one: a turn is given on at once in the first two cases, and when its holder's patience
 * is over in the third.
 */
export class Turns {
  readonly #clock: Clock;
  readonly #queue: Array<() => void> = [];
  #holder: HeldTurn | undefined;
  #watching = false;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /** A turn if nobody has one, which the caller must give back. */
  tryTake(taker: TurnTaker): Turn | undefined {
    return this.#holder ? undefined : this.#grant(taker);
  }

  /** Waits for a turn, which the caller must give back. Rejects with the abort error when the signal fires. */
  async take(taker: TurnTaker, signal: AbortSignal): Promise<Turn> {
    throwIfAborted(signal);
    if (this.#holder) {
      const granted = waitTurn(this.#queue, { signal });
      void this.#watch();
      await granted;
    }
    return this.#grant(taker);
  }

  #grant(taker: TurnTaker): Turn {
    const { patienceMs } = taker;
    const clock = this.#clock;
    let quietSinceMs: number | undefined;
    let limitMs = patienceMs;
    const turn: HeldTurn = {
      taker,
      begin: () => {
        quietSinceMs = clock.elapsed();
        limitMs = patienceMs;
      },
      moved: () => {
        if (quietSinceMs === undefined) return;
        quietSinceMs = clock.elapsed();
        limitMs = patienceMs * BODY_PATIENCE_FACTOR;
      },
      give: () => {
        if (this.#holder === turn) this.#pass();
      },
      isOverdue: () => quietSinceMs !== undefined && clock.elapsed() - quietSinceMs >= limitMs,
      asked: () => {
        quietSinceMs = undefined;
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
      await this.#clock.sleep(PATIENCE_MS);
      const holder = this.#holder;
      if (!holder?.isOverdue()) continue;
      holder.asked(); // once only
      if (!holder.taker?.yield()) this.#pass();
    }
    this.#watching = false;
  }
}
