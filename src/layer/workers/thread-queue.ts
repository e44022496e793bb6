import { type AbortOptions, abortError } from "../../async/abort.ts";
import { ErrUnavailable } from "../../errors/classes.ts";
import type { UnpackOutcome } from "../unpack/unpack-outcome.ts";
import type { JobState } from "./job-state.ts";
import type { PieceRing } from "./piece-ring.ts";
import type { UnpackJob } from "./unpack-job.ts";

/**
 * Most jobs that one thread has begun: all but one of them wait for bytes, and each has some memory, and directories open. Eight
 * downloads for each core are more than a registry is asked for.
 */
const MAX_BEGUN = 8;

/** Something that does jobs. */
export interface Thread {
  /** Whether it can do no more jobs. */
  readonly isDead: boolean;
  /** Does a job, beside those that wait; what is in the ring, if there is one, instead of reading and decompressing the blob. */
  run(job: UnpackJob, state: JobState, ring?: PieceRing): Promise<UnpackOutcome>;
  /** Ends it, whatever it does. */
  end(): Promise<void>;
}

/** Of which threads a queue consists. */
export interface ThreadQueueOptions {
  /** Most of them. */
  readonly threads: number;
  /** @param onWait the thread calls it when a job waits for bytes */
  readonly start: (onWait: () => void) => Thread;
}

/** What wants a thread. */
export interface Claim {
  /** Bytes that there are to be done. */
  readonly size: number;
  /** Whether there is nothing to do right now. */
  readonly state: { readonly isWaiting: boolean };
}

/** How a thread is taken. */
export interface TakeOptions extends AbortOptions {
  /** Told when there is none at once. */
  readonly onWait?: (() => void) | undefined;
}

interface Waiting {
  readonly claim: Claim;
  readonly resolve: (thread: Thread) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Gives out threads that have nothing to do, started when they are needed; the largest job waits shortest, so that no large one is
 * left for the end. A thread whose jobs all wait for bytes has nothing to do.
 */
export class ThreadQueue {
  readonly #options: ThreadQueueOptions;
  /** What each thread has begun. */
  readonly #threads = new Map<Thread, Set<Claim>>();
  readonly #waiting: Waiting[] = [];

  constructor(options: ThreadQueueOptions) {
    this.#options = options;
  }

  /** A thread for a job, until `giveBack`. Rejects with the abort error. */
  async take(claim: Claim, { signal, onWait }: TakeOptions): Promise<Thread> {
    return await new Promise<Thread>((resolve, reject) => {
      const waiting: Waiting = { claim, resolve: settled(resolve), reject: settled(reject) };
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
      this.serve();
      if (this.#waiting.includes(waiting)) onWait?.();
    });
  }

  /** A thread that has nothing to do, at once, until `giveBack`; `undefined` when there is none, and may not be one more. */
  takeIdle(claim: Claim): Thread | undefined {
    const thread = this.#idle() ?? this.#startOne();
    if (thread) this.#threads.get(thread)?.add(claim);
    return thread;
  }

  /** Starts one thread more, for a job that will come, if there may be one more. */
  getReady(): void {
    this.#startOne();
  }

  /** The thread has ended the job, or is dead. */
  giveBack(thread: Thread, claim: Claim): void {
    const begun = this.#threads.get(thread);
    begun?.delete(claim);
    if (thread.isDead && begun?.size === 0) this.#threads.delete(thread);
    this.serve();
  }

  /** Ends all threads; whoever waits for one gets `ErrUnavailable`. */
  async end(): Promise<void> {
    for (const { reject } of this.#waiting.splice(0))
      reject(new ErrUnavailable("unpack layer: the pool was closed"));
    await Promise.all(Array.from(this.#threads.keys(), (thread) => thread.end()));
  }

  #enqueue(waiting: Waiting): void {
    const at = this.#waiting.findIndex(({ claim }) => claim.size < waiting.claim.size);
    this.#waiting.splice(at === -1 ? this.#waiting.length : at, 0, waiting);
  }

  /** Gives threads to those who wait: called when there may be one, as when a job has begun to wait for bytes. */
  serve(): void {
    while (this.#waiting.length > 0) {
      const thread = this.#idle() ?? this.#startOne() ?? this.#resting();
      const next = thread && this.#waiting.shift();
      if (!next) return;
      this.#threads.get(thread)?.add(next.claim);
      next.resolve(thread);
    }
  }

  #idle(): Thread | undefined {
    return this.#find((begun) => begun.size === 0);
  }

  #startOne(): Thread | undefined {
    for (const [thread, begun] of this.#threads) {
      if (thread.isDead && begun.size === 0) this.#threads.delete(thread);
    }
    if (this.#threads.size >= this.#options.threads) return undefined;
    const thread = this.#options.start(() => this.serve());
    this.#threads.set(thread, new Set());
    return thread;
  }

  /** One whose jobs all wait for bytes. */
  #resting(): Thread | undefined {
    return this.#find(
      (begun) => begun.size < MAX_BEGUN && Array.from(begun).every(({ state }) => state.isWaiting),
    );
  }

  #find(isFree: (begun: ReadonlySet<Claim>) => boolean): Thread | undefined {
    for (const [thread, begun] of this.#threads) if (!thread.isDead && isFree(begun)) return thread;
    return undefined;
  }
}
