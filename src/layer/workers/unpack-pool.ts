import { availableParallelism } from "node:os";
import { abortError, anySignal, throwIfAborted } from "../../async/abort.ts";
import { ErrFailedPrecondition, ErrUnavailable } from "../../errors/classes.ts";
import { checkOptions } from "../../options/check-options.ts";
import type { RulesOf } from "../../options/rule.ts";
import { wholeNumberFrom } from "../../options/rules.ts";
import type { UnpackOutcome } from "../unpack/unpack-outcome.ts";
import { Crews, MIN_SPLIT_BYTES } from "./crews.ts";
import { JobState } from "./job-state.ts";
import { LocalThread } from "./local-thread.ts";
import { ThreadQueue } from "./thread-queue.ts";
import type { Unpacker, UnpackJob, UnpackOptions } from "./unpack-job.ts";
import { UnpackThread } from "./unpack-thread.ts";

/** Most threads unless told otherwise. What a layer takes is mostly computing, and beyond four the disk is the limit. */
const MAX_WORKERS = 4;

/** Threads unless told otherwise: one for each core that the process may use. */
export function defaultWorkers(): number {
  return Math.min(availableParallelism(), MAX_WORKERS);
}

/** How often the progress of a job is looked at, in milliseconds. */
const PROGRESS_INTERVAL_MS = 100;

/** How long a thread has to notice that its job is not wanted any more before it is ended, in milliseconds. */
const CANCEL_GRACE_MS = 5_000;

/** Options of `UnpackPool`. */
export interface UnpackPoolOptions {
  /**
   * Threads at most; 0 unpacks on the thread of the caller, one layer at a time, in slices.
   * @unit threads
   * @defaultValue one for each core that the process may use, four at most
   * @example workers: 2
   */
  readonly workers?: number | undefined;
  /**
   * Bytes of a blob from which it may have two threads, beside those for all others: if the others together would be done sooner
   * than it. Never with fewer than two `workers`.
   * @unit bytes
   * @defaultValue 134,217,728
   * @example splitFrom: 64 * 1024 * 1024
   */
  readonly splitFrom?: number | undefined;
}

const POOL_OPTIONS: RulesOf<UnpackPoolOptions> = {
  workers: wholeNumberFrom(0),
  splitFrom: wholeNumberFrom(0),
};

/** Threads that unpack layers. They are started when there is work; of the jobs that wait, the largest one is the next. */
export class UnpackPool implements Unpacker, AsyncDisposable {
  readonly #threads: ThreadQueue;
  readonly #crews: Crews;
  readonly #closing = new AbortController();
  /** What is being done, or waits for a thread. */
  readonly #running = new Set<Promise<UnpackOutcome>>();

  /** Throws `ErrInvalidArgument` for options that are none. The caller disposes of it after use. */
  constructor(options: UnpackPoolOptions = {}) {
    checkOptions("create unpack pool", options, POOL_OPTIONS);
    const { workers = defaultWorkers(), splitFrom = MIN_SPLIT_BYTES } = options;
    this.#threads =
      workers === 0
        ? new ThreadQueue({ threads: 1, start: (onWait) => new LocalThread(onWait) })
        : new ThreadQueue({ threads: workers, start: (onWait) => new UnpackThread({ onWait }) });
    this.#crews = new Crews(this.#threads, { threads: workers, from: splitFrom });
  }

  /** Starts a thread more for a layer that is about to come, unless there are as many as there may be. */
  getReady(): void {
    if (!this.#closing.signal.aborted) this.#threads.getReady();
  }

  async unpack(job: UnpackJob, options: UnpackOptions = {}): Promise<UnpackOutcome> {
    const { signal } = options;
    throwIfAborted(signal);
    const closing = this.#closing.signal;
    if (closing.aborted) throw new ErrFailedPrecondition("unpack layer: the pool is closed");
    const running = this.#run(job, { ...options, signal: anySignal(signal, closing) });
    this.#running.add(running);
    try {
      return await running;
    } catch (error) {
      if (signal?.aborted) throw abortError(signal);
      throw closing.aborted
        ? new ErrUnavailable("unpack layer: the pool was closed", { cause: error })
        : error;
    } finally {
      this.#running.delete(running);
    }
  }

  /** Cancels what is being done, which fails with `ErrUnavailable`, and ends all threads. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await Promise.allSettled(this.#running); // a program that a thread has started would outlive it
    await this.#crews.end();
  }

  async #run(
    job: UnpackJob,
    { signal, onProgress, onWait }: UnpackOptions & { readonly signal: AbortSignal },
  ): Promise<UnpackOutcome> {
    const state = new JobState();
    using crew = await this.#crews.hire({ size: job.size, state }, { signal, onWait });
    const stopSampling = sample(state, onProgress);
    const stopWatching = onceAborted(signal, () => {
      state.cancel();
      const timer = setTimeout(() => void crew.end(), CANCEL_GRACE_MS);
      return () => clearTimeout(timer);
    });
    try {
      const outcome = await crew.run(job, state);
      throwIfAborted(signal);
      return outcome;
    } finally {
      stopWatching();
      stopSampling();
    }
  }
}

/** Tells the progress from time to time, and once at the end. */
function sample(state: JobState, onProgress: UnpackOptions["onProgress"]): () => void {
  if (onProgress === undefined) return () => {};
  const timer = setInterval(() => onProgress(state.progress), PROGRESS_INTERVAL_MS);
  return () => {
    clearInterval(timer);
    onProgress(state.progress);
  };
}

/** Does `work` when the signal fires; what it returned is done when nobody waits any more. */
function onceAborted(signal: AbortSignal, work: () => () => void): () => void {
  let undo: (() => void) | undefined;
  const onAbort = (): void => {
    undo = work();
  };
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  return () => {
    signal.removeEventListener("abort", onAbort);
    undo?.();
  };
}
