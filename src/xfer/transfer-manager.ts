import type { Clock } from "../async/clock.ts";
import { ErrInvalidArgument } from "../errors/classes.ts";
import type { Job, TransferOptions, Watcher } from "./job.ts";
import type { SlotLimits } from "./slot-limits.ts";
import { SlotQueue } from "./slot-queue.ts";
import { Transfer } from "./transfer.ts";
import { Turns } from "./turns.ts";

/** What a transfer manager is made of. */
export interface TransferManagerOptions extends SlotLimits {
  /**
   * Slots; 0 means no limit.
   * @unit slots
   * @example concurrency: 4
   */
  readonly concurrency: number;
  /**
   * Measures how long a source moves nothing.
   * @defaultValue the machine's
   * @avoid outside of tests
   * @example clock
   */
  readonly clock?: Clock | undefined;
}

/**
 * Runs jobs by key, each once for all who ask for it, a limited number at a time (moby's `xfer.TransferManager`). Higher
 * priority first, first come first served among equals.
 *
 * - A request for a key whose job is queued or running joins it. One whose job has ended, or was cancelled and still winds
 *   down, starts a fresh job at once: two jobs of one key can overlap then, and what they share on disk has its own lock.
 * - The last watcher out cancels the job, never the first. A queued job leaves the queue at once and its `run` is never
 *   called; a running one holds its slot until `run` has settled.
 * - Callers who name different sources have a run each, in turns: one that fails does so for its own source, one that waits
 *   or moves nothing holds up none of the others, and one that succeeds does so for all.
 * - The manager belongs to nobody's request: no caller's signal stops a job that another caller still watches.
 */
export class TransferManager {
  readonly #queue: SlotQueue;
  readonly #clock: Clock | undefined;
  readonly #joinable = new Map<string, Transfer<unknown>>();

  /** @param options.concurrency slots; 0 means no limit. Throws `ErrInvalidArgument` for anything but whole numbers from 0. */
  constructor({ concurrency, clock, ...limits }: TransferManagerOptions) {
    this.#clock = clock;
    this.#queue = new SlotQueue(slots(concurrency), limits);
  }

  /** Jobs that a request could join: queued or running, and not cancelled. */
  get size(): number {
    return this.#joinable.size;
  }

  /** Whether a request for `key` would join a job. */
  has(key: string): boolean {
    return this.#joinable.has(key);
  }

  /** Slots held at present; more than the limit for a while after it was lowered. */
  get running(): number {
    return this.#queue.held;
  }

  /** Jobs in the queue for a slot. */
  get waiting(): number {
    return this.#queue.waiting;
  }

  /**
   * Joins the job of `key`, or starts it with `run`, which is called once a slot is free; the promise it returns ends the
   * job. Callers of one key must agree on the type of its result. The sink is not called before this returns. The caller
   * must release the watcher. Throws `ErrInvalidArgument` for a priority that is not finite.
   */
  transfer<T>(key: string, run: (job: Job) => Promise<T>, options: TransferOptions = {}): Watcher<T> {
    const running = this.#joinable.get(key) as Transfer<T> | undefined;
    if (running) return running.watch(run, options);

    const forget = (): void => void this.#joinable.delete(key);
    const home = { queue: this.#queue, turns: new Turns(this.#clock), forget };
    const transfer = new Transfer<T>(key, home, options.waiting);
    const watcher = transfer.watch(run, options);
    this.#joinable.set(key, transfer as Transfer<unknown>);
    return watcher;
  }

  /**
   * Changes the limit at once. Raised: queued jobs start. Lowered: running jobs go on, and none starts until fewer than the
   * new limit run. Throws like the constructor.
   */
  setConcurrency(concurrency: number): void {
    this.#queue.setSlots(slots(concurrency));
  }

  /** Has to be called when a host takes more at once than before, see `roomAt`: jobs that wait for that start. */
  serve(): void {
    this.#queue.serve();
  }
}

function slots(concurrency: number): number {
  if (!Number.isInteger(concurrency) || concurrency < 0) {
    throw new ErrInvalidArgument(`Set concurrency: got ${concurrency}, wanted a whole number from 0`);
  }
  return concurrency === 0 ? Number.POSITIVE_INFINITY : concurrency;
}
