import { ErrFailedPrecondition } from "../errors/classes.ts";

/** Counts the operations under way, so that closing can wait for them and refuse new ones. */
export class OpenWork {
  readonly #running = new Set<Promise<unknown>>();
  #closed = false;

  /** Runs an operation. Throws `ErrFailedPrecondition` after `close`. */
  async run<T>(operation: () => Promise<T>): Promise<T> {
    if (this.#closed) throw new ErrFailedPrecondition("start operation: the distribution is closed");
    const running = operation();
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }

  /** Takes no more operations and resolves when those under way have ended, however they end. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#running);
  }
}
