import type { UnpackOutcome } from "../unpack/unpack-outcome.ts";
import { ExtraThreads } from "./extra-threads.ts";
import type { JobState } from "./job-state.ts";
import { runSplit } from "./split-job.ts";
import type { Claim, TakeOptions, Thread, ThreadQueue } from "./thread-queue.ts";
import type { UnpackJob } from "./unpack-job.ts";
import { UnpackThread } from "./unpack-thread.ts";

/** Bytes of a blob that is large enough for two threads: about a second's work, where a thread more costs some hundredths. */
export const MIN_SPLIT_BYTES = 128 * 1024 * 1024;

/** When a job has two threads. */
export interface SplitOptions {
  /** Threads that all jobs have together. */
  readonly threads: number;
  /** Bytes of a blob that is large enough. */
  readonly from: number;
}

/**
 * Whether a job is the one that is left when all others are done, by the threads that they have beside it: then it waits for no
 * thread, and has two.
 *
 * @param others whatever else is known to be done
 */
export function wouldBeLast(
  { size }: Pick<Claim, "size">,
  others: ReadonlyArray<Pick<Claim, "size">>,
  { threads, from }: SplitOptions,
): boolean {
  const rest = others.reduce((sum, other) => sum + other.size, 0);
  return size >= from && size * (threads - 1) > rest;
}

/** Who does one job: one thread, or two. */
export interface Crew extends Disposable {
  /** Does it. Throws what it throws, and `ErrUnavailable` when a thread dies meanwhile. */
  run(job: UnpackJob, state: JobState): Promise<UnpackOutcome>;
  /** Ends its threads, whatever they do. */
  end(): Promise<unknown>;
}

/** What gives back what a crew has taken. */
type Undo = Array<() => void>;

/** Finds the threads for jobs: those that all have in common, and for a job that would be last those that it takes. */
export class Crews {
  readonly #threads: ThreadQueue;
  readonly #splitting: SplitOptions;
  readonly #extra = new ExtraThreads(() => new UnpackThread({ onWait: () => this.#threads.serve() }));
  /** What is being done, or waits for a thread. */
  readonly #claims = new Set<Claim>();

  constructor(threads: ThreadQueue, splitting: SplitOptions) {
    this.#threads = threads;
    this.#splitting = splitting;
  }

  /** Threads for a job, until they are disposed of. Rejects with the abort error. */
  async hire(claim: Claim, options: TakeOptions): Promise<Crew> {
    this.#claims.add(claim);
    const undo: Undo = [() => void this.#claims.delete(claim)];
    const dismiss = (): void => {
      for (const each of undo.splice(0)) each();
    };
    try {
      const thread = this.#takeAtOnce(claim, undo) ?? (await this.#takeInTurn(claim, undo, options));
      const helper = this.#wouldBeLast(claim) ? this.#takeExtra(undo) : undefined;
      return {
        run: (job, state) => (helper ? runSplit(job, state, { thread, helper }) : thread.run(job, state)),
        end: () => Promise.all([thread.end(), helper?.end()]),
        [Symbol.dispose]: dismiss,
      };
    } catch (error) {
      dismiss();
      throw error;
    }
  }

  /** Ends all threads; whoever waits for one gets `ErrUnavailable`. */
  async end(): Promise<void> {
    await Promise.all([this.#threads.end(), this.#extra.end()]);
  }

  #takeAtOnce(claim: Claim, undo: Undo): Thread | undefined {
    if (!this.#wouldBeLast(claim)) return undefined;
    const idle = this.#threads.takeIdle(claim);
    if (!idle) return this.#takeExtra(undo);
    undo.push(() => this.#threads.giveBack(idle, claim));
    return idle;
  }

  async #takeInTurn(claim: Claim, undo: Undo, options: TakeOptions): Promise<Thread> {
    const thread = await this.#threads.take(claim, options);
    undo.push(() => this.#threads.giveBack(thread, claim));
    return thread;
  }

  #takeExtra(undo: Undo): UnpackThread {
    const thread = this.#extra.take();
    undo.push(() => this.#extra.giveBack(thread));
    return thread;
  }

  #wouldBeLast(claim: Claim): boolean {
    const others = Array.from(this.#claims).filter((other) => other !== claim);
    return wouldBeLast(claim, others, this.#splitting);
  }
}
