import type { Release } from "./keyed-lock.ts";

/** Tells those who listen at a key what happens there; nobody at other keys hears of it. */
export class KeyedListeners<T> {
  readonly #listeners = new Map<string, Set<(event: T) => void>>();

  /** Calls `listener`, which must not throw, for each event at `key` until the returned function is called. */
  listen(key: string, listener: (event: T) => void): Release {
    const listeners = this.#listeners.get(key) ?? new Set();
    this.#listeners.set(key, listeners);
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(key) === listeners) this.#listeners.delete(key);
    };
  }

  /** Tells everybody who listens at `key`. */
  tell(key: string, event: T): void {
    for (const listener of this.#listeners.get(key) ?? []) listener(event);
  }
}
