/** Those who hear of an abort, by its signal, as long as there are any: what is left to the collector makes the table large, for good. */
const waiting = new WeakMap<AbortSignal, Listeners>();

/**
 * Calls `act`, which must not throw, with the reason when the signal fires, or at once when it has. Returns what ends the listening.
 * However many listen to one signal, each comes and goes in the same time: the platform itself goes through all listeners of a signal
 * for each one that comes.
 */
export function onAbort(signal: AbortSignal | undefined, act: (reason: unknown) => void): () => void {
  if (!signal) return () => {};
  if (signal.aborted) {
    act(signal.reason);
    return () => {};
  }
  const listeners = waiting.get(signal) ?? new Listeners(signal);
  waiting.set(signal, listeners);
  return listeners.add(act);
}

/** All who listen to one signal, which has one listener as long as there are any. */
class Listeners {
  readonly #signal: AbortSignal;
  readonly #acts = new Set<{ readonly act: (reason: unknown) => void }>();

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  add(act: (reason: unknown) => void): () => void {
    const entry = { act };
    if (this.#acts.size === 0) this.#signal.addEventListener("abort", this.#fire, { once: true });
    this.#acts.add(entry);
    return () => {
      if (!this.#acts.delete(entry) || this.#acts.size > 0) return;
      this.#signal.removeEventListener("abort", this.#fire);
      waiting.delete(this.#signal);
    };
  }

  readonly #fire = (): void => {
    waiting.delete(this.#signal);
    for (const entry of this.#acts) {
      this.#acts.delete(entry);
      entry.act(this.#signal.reason);
    }
  };
}
