import { type AbortOptions, throwIfAborted } from "./abort.ts";
import { waitTurn } from "./wait-turn.ts";

/** Gives the lock back; calling it twice does nothing the second time. */
export type Release = () => void;

/** Mutual exclusion per key within this process, first come first served. Keys take no memory once nobody holds them. */
export class KeyedLock {
  readonly #waiting = new Map<string, Array<() => void>>();

  /** Takes the lock if it is free, otherwise `undefined`. */
  tryAcquire(key: string): Release | undefined {
    if (this.#waiting.has(key)) return undefined;
    this.#waiting.set(key, []);
    return this.#releaseOnce(key);
  }

  /** Waits for its turn. Rejects with `ErrCanceled` and leaves the queue when the signal fires. */
  async acquire(key: string, { signal }: AbortOptions = {}): Promise<Release> {
    throwIfAborted(signal);
    const queue = this.#waiting.get(key);
    if (!queue) {
      this.#waiting.set(key, []);
      return this.#releaseOnce(key);
    }
    await waitTurn(queue, { signal });
    return this.#releaseOnce(key);
  }

  #releaseOnce(key: string): Release {
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      const next = this.#waiting.get(key)?.shift();
      if (next) next();
      else this.#waiting.delete(key);
    };
  }
}
