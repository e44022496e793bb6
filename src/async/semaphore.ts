import { type AbortOptions, throwIfAborted } from "./abort.ts";
import type { Release } from "./keyed-lock.ts";
import { waitTurn } from "./wait-turn.ts";

/** Something that lets a limited number through at once. */
export interface Limiter {
  /** Waits for a permit; the caller must call the release it gets, exactly when it no longer works. */
  acquire(options?: AbortOptions): Promise<Release>;
}

/** A counting semaphore, first come first served. */
export class Semaphore implements Limiter {
  readonly #waiting: Array<() => void> = [];
  #free: number;

  /** @param permits how many may hold a permit at once; at least 1 */
  constructor(permits: number) {
    this.#free = permits;
  }

  async acquire({ signal }: AbortOptions = {}): Promise<Release> {
    throwIfAborted(signal);
    if (this.#free > 0) this.#free--;
    else await waitTurn(this.#waiting, { signal });
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    };
  }
}
