import { type AbortOptions, abortError } from "../../async/abort.ts";
import { ErrUnavailable } from "../../errors/classes.ts";
import type { UnpackOutcome } from "../unpack/unpack-outcome.ts";
import type { JobState } from "./job-state.ts";
import type { UnpackJob } from "./unpack-job.ts";

/** Something that does one job at a time. */
export interface Thread {
  /** Whether it can do no more jobs. */
  readonly isDead: boolean;
  /** Does a job. */
  run(job: UnpackJob, state: JobState): Promise<UnpackOutcome>;
  /** Ends it, whatever it does. */
  end(): Promise<void>;
}

/** Of which threads a queue consists. */
export interface ThreadQueueOptions {
  /** Most of them. */
  readonly threads: number;
  readonly start: () => Thread;
}

interface Waiting {
  readonly size: number;
  readonly resolve: (thread: Thread) => void;
  readonly reject: (error: Error) => void;
}

/** Gives out threads, started when they are needed; the largest job waits shortest, so that no large one is left for the end. */
export class ThreadQueue {
  readonly #options: ThreadQueueOptions;
  readonly #idle: Thread[] = [];
  readonly #busy = new Set<Thread>();
  readonly #waiting: Waiting[] = [];

  constructor(options: ThreadQueueOptions) {
    this.#options = options;
  }

  /** A thread of the caller's own until `giveBack`. Rejects with the abort error. */
  async take(size: number, { signal }: AbortOptions): Promise<Thread> {
    return await new Promise<Thread>((resolve, reject) => {
      const waiting: Waiting = { size, resolve: settled(resolve), reject: settled(reject) };
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        if (signal) waiting.reject(abortError(signal));
      };
      function settled<T>(settle: (value: T) => void): (value: T) => void {
        return (value) => {
          signal?.removeEventListener("abort", leave);
          settle(value);
        };
      }
      signal?.addEventListener("abort", leave, { once: true });
      this.#enqueue(waiting);
      this.#serve();
    });
  }

  /** The thread is free again, or dead. */
  giveBack(thread: Thread): void {
    this.#busy.delete(thread);
    if (!thread.isDead) this.#idle.push(thread);
    this.#serve();
  }

  /** Ends all threads; whoever waits for one gets `ErrUnavailable`. */
  async end(): Promise<void> {
    for (const { reject } of this.#waiting.splice(0))
      reject(new ErrUnavailable("unpack layer: the pool was closed"));
    await Promise.all([...this.#idle.splice(0), ...this.#busy].map((thread) => thread.end()));
  }

  #enqueue(waiting: Waiting): void {
    const at = this.#waiting.findIndex(({ size }) => size < waiting.size);
    this.#waiting.splice(at === -1 ? this.#waiting.length : at, 0, waiting);
  }

  #serve(): void {
    while (this.#waiting.length > 0 && this.#busy.size < this.#options.threads) {
      const thread = this.#idleOrNew();
      this.#busy.add(thread);
      this.#waiting.shift()?.resolve(thread);
    }
  }

  #idleOrNew(): Thread {
    for (let thread = this.#idle.pop(); thread !== undefined; thread = this.#idle.pop()) {
      if (!thread.isDead) return thread;
    }
    return this.#options.start();
  }
}
