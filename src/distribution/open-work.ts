import { ErrFailedPrecondition } from "../errors/classes.ts";

/** Counts the operations under way, so that closing can wait for them and refuse new ones. */
export class OpenWork {
  readonly #running = new Set<Promise<unknown>>();
  #closed = false;

  /** Runs an operation. Throws `ErrFailedPrecondition` after `close`. */
  async run<T>(operation: () => Promise<T>): Promise<T> {
    if (this.#closed) throw new ErrFailedPrecondition("start operation: the distribution is closed");
    return await this.track(operation());
  }

  /** Counts a part of an operation that may outlive it: a cancelled transfer closes its file after its last watcher left. */
  async track<T>(running: Promise<T>): Promise<T> {
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }

  /** Takes no more operations and resolves when everything under way has ended, however it ends. */
  async close(): Promise<void> {
    this.#closed = true;
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
  }
}
