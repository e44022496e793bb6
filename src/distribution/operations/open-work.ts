import { type AbortOptions, abortable } from "../../async/abort.ts";
import { onAbort } from "../../async/on-abort.ts";
import { turnRoom } from "../../async/turn-room.ts";
import { ErrCanceled, ErrFailedPrecondition } from "../../errors/classes.ts";

/** Counts the operations under way, so that closing can wait for them and refuse new ones, and ends them all when told so. */
export class OpenWork {
  readonly #running = new Set<Promise<unknown>>();
  /** Work of callers, whose end is not ours to bring about. */
  readonly #foreign = new Set<Promise<unknown>>();
  readonly #operations = new Set<AbortController>();
  #closed = false;

  /**
   * Runs an operation with `options`, whose signal then is one that `abort` fires as well. Throws `ErrFailedPrecondition`
   * after `close`.
   */
  async run<O extends AbortOptions, T>(
    options: O,
    operation: (options: O & { readonly signal: AbortSignal }) => Promise<T>,
  ): Promise<T> {
    if (this.#closed) throw new ErrFailedPrecondition("start operation: the distribution is closed");
    const own = new AbortController();
    const stopListening = onAbort(options.signal, (reason) => own.abort(reason));
    this.#operations.add(own);
    try {
      return await this.track(inTurn(() => operation({ ...options, signal: own.signal }), own));
    } finally {
      this.#operations.delete(own);
      stopListening();
    }
  }

  /** Counts a part of an operation that may outlive it: a cancelled transfer closes its file after its last watcher left. */
  track<T>(running: Promise<T>): Promise<T> {
    return counted(this.#running, running);
  }

  /**
   * Counts work of a caller, which may outlive the operation too. It need not heed a signal, so `close` waits for it only as
   * long as its own signal allows.
   */
  trackForeign<T>(running: Promise<T>): Promise<T> {
    return counted(this.#foreign, running);
  }

  /** How many operations are under way. */
  get size(): number {
    return this.#operations.size;
  }

  /** Ends all operations under way; each rejects with `ErrCanceled`, whose cause is `reason`. */
  abort(reason?: unknown): void {
    const error = new ErrCanceled("distribution aborted", { cause: reason });
    for (const operation of this.#operations) operation.abort(error);
  }

  /**
   * Takes no more operations and resolves when everything under way has ended, however it ends. When the signal fires,
   * what is still under way is aborted, and work of callers is left to them.
   */
  async close({ signal }: AbortOptions = {}): Promise<void> {
    this.#closed = true;
    const stopListening = onAbort(signal, (reason) => this.abort(reason));
    await allSettled(this.#running);
    stopListening();
    await abortable(allSettled(this.#foreign), signal).catch(() => {}); // it was told to end, and goes on without us
  }
}

async function counted<T>(set: Set<Promise<unknown>>, running: Promise<T>): Promise<T> {
  set.add(running);
  try {
    return await running;
  } finally {
    set.delete(running);
  }
}

/** Begins what many may begin at the same moment as soon as the thread has room for it, at once if it has. */
function inTurn<T>(operation: () => Promise<T>, { signal }: AbortController): Promise<T> {
  const room = turnRoom();
  return room ? abortable(room, signal).then(operation) : operation();
}

/** Resolves when there are none left, those that come meanwhile counted as well. */
async function allSettled(set: ReadonlySet<Promise<unknown>>): Promise<void> {
  while (set.size > 0) await Promise.allSettled(set);
}
