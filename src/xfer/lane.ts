import { throwIfAborted } from "../async/abort.ts";
import { outside } from "../async/outside.ts";
import { runShared, type SharedTrace } from "../async/shared-traces.ts";
import { asReason } from "../async/wait-reason.ts";
import type { Payers } from "../bandwidth/payers.ts";
import { ErrCanceled, ErrFailedPrecondition } from "../errors/classes.ts";
import { type StepProgress, waitingFor } from "../progress/progress.ts";
import type { Job } from "./job.ts";
import { Slot } from "./slot.ts";
import type { SlotWants, Tenant } from "./slot-limits.ts";
import type { SlotQueue } from "./slot-queue.ts";
import { PATIENCE_MS, type Turn, type Turns } from "./turns.ts";

/** What a lane needs of the transfer that it is part of. */
export interface LaneHome {
  readonly key: string;
  /** Of the transfer, if somebody listens. */
  readonly trace: SharedTrace | undefined;
  readonly queue: SlotQueue;
  /** Who wants the transfer at present. */
  readonly tenants: () => Iterable<Tenant>;
  /** On whose account its bytes move at present. */
  readonly payers: Payers;
  readonly turns: Turns;
  /** The present priority of the transfer. */
  readonly priority: () => number;
  /** Settles when nobody uses the transfer's result any more. */
  readonly released: Promise<void>;
  /** Tells every watcher, unless another lane has more to tell. */
  readonly publish: (lane: object, progress: StepProgress) => void;
  /** What is shown whenever a lane has to queue for a slot. */
  readonly waitingProgress: StepProgress | undefined;
  /** Called when a lane has given its slot back in order to wait. */
  readonly onRest: (lane: object) => void;
}

/** One source's try at the work of a transfer: a run, its slot, its turn among the lanes, and what ends it. */
export class Lane<T> {
  readonly #home: LaneHome;
  readonly #slot: Slot;
  readonly #abort = new AbortController();
  /** Fires when the run has ended; made when somebody waits for that. */
  #over: AbortController | undefined;
  #beginning: Promise<void> | undefined;
  #turn: Turn | undefined;
  /** The attempt under way, if it may be broken off. */
  #attempt: AbortController | undefined;
  /** What ends the attempts that have not ended yet. */
  readonly #attempts = new Set<AbortController>();
  #patienceMs = PATIENCE_MS;
  #priority = 0;
  /** Waits under way, those inside others counted as well. */
  #waits = 0;
  #ended = false;

  constructor(home: LaneHome, wants: SlotWants) {
    this.#home = home;
    this.#slot = new Slot(home.queue, wants, home.tenants());
  }

  /** Whether it moves bytes, or could: it has a slot and waits for nothing. */
  get working(): boolean {
    return this.#slot.held && this.#waits === 0;
  }

  /** Whether it was told to end. */
  get canceled(): boolean {
    return this.#abort.signal.aborted;
  }

  /** Waits for a turn and a slot, then calls `run` once. Settles as `run` does. */
  async work(run: (job: Job) => Promise<T>): Promise<T> {
    try {
      await this.#begin();
      return await outside(() => runShared(this.#home.trace, () => run(this.#job())));
    } finally {
      this.#ended = true;
      this.#rest();
      if (this.#beginning) this.#stopBeginning();
    }
  }

  /** Ends it: a lane that is queued leaves the queue, one that runs holds its slot until `run` has settled. */
  cancel(reason: ErrCanceled): void {
    this.#slot.leave(reason);
    this.#abort.abort(reason);
    for (const attempt of this.#attempts) attempt.abort(reason);
  }

  /** Moves a queued lane behind its new equals. */
  setPriority(priority: number): void {
    if (priority === this.#priority) return;
    this.#priority = priority;
    this.#slot.setPriority(priority);
  }

  /** Somebody else wants the transfer as well. */
  join(tenant: Tenant): void {
    this.#slot.join(tenant);
  }

  /** Somebody does not want it any more. */
  part(tenant: Tenant): void {
    this.#slot.part(tenant);
  }

  #job(): Job {
    const { key, payers, released } = this.#home;
    const { signal } = this.#abort;
    return {
      key,
      payers,
      signal,
      released,
      progress: (progress) => {
        if (this.#ended) return;
        this.#home.publish(this, progress);
      },
      moved: () => this.#turn?.moved(),
      received: () => this.#slot.received(),
      attempt: (work) => this.#try(work),
      inactive: () => this.#rest(),
      active: () => this.#active(),
      waiter: (subject) => ({
        wait: (reason, work) => this.#wait(waitingFor(subject, asReason(reason)), work),
      }),
    };
  }

  /** As `#begin`; of a job that has its slot, as all have before their first attempt, at once. */
  #active(): Promise<void> {
    if (!this.#turn || !this.working || this.canceled || this.#ended) return unheard(this.#begin());
    this.#turn.begin();
    return Promise.resolve();
  }

  async #try<R>(work: (signal: AbortSignal) => Promise<R>): Promise<R> {
    // Not made of two signals: the platform keeps an account of those, which costs more than all else here.
    const attempt = new AbortController();
    if (this.canceled) attempt.abort(this.#abort.signal.reason);
    this.#attempts.add(attempt);
    this.#attempt = attempt;
    try {
      return await work(attempt.signal);
    } finally {
      this.#attempts.delete(attempt);
      if (this.#attempt === attempt) this.#attempt = undefined;
    }
  }

  async #wait<R>(shown: StepProgress, work: (signal: AbortSignal) => Promise<R>): Promise<R> {
    const { signal } = this.#attempt ?? this.#abort;
    throwIfAborted(signal);
    if (!this.#ended) this.#home.publish(this, shown);
    this.#waits++;
    if (this.#attempt) this.#restInAttempt();
    else this.#rest();
    const result = await work(signal).finally(() => void this.#waits--);
    if (this.#waits === 0) await this.#begin();
    return result;
  }

  /** Takes a turn and a slot, unless it has them. */
  async #begin(): Promise<void> {
    if (this.#ended) throw new ErrFailedPrecondition(`Take slot for "${this.#home.key}": the job has ended`);
    throwIfAborted(this.#abort.signal);
    this.#beginning ??= this.#takeBoth().finally(() => {
      this.#beginning = undefined;
    });
    await this.#beginning;
  }

  async #takeBoth(): Promise<void> {
    const { turns, priority, publish, waitingProgress } = this.#home;
    const taker = { patienceMs: this.#patienceMs, yield: () => this.#yield() };
    this.#turn ??= turns.tryTake(taker) ?? (await turns.take(taker, this.#untilOver()));
    this.#refuseTooLate();
    this.#priority = priority();
    const granted = this.#slot.take(this.#priority);
    if (this.#slot.waiting && waitingProgress) publish(this, waitingProgress);
    await granted;
    this.#refuseTooLate(); // the last watcher may leave between the grant and this line
    this.#turn.begin();
  }

  /** A turn or a slot that came when the lane had just been told to end, or had ended: then nobody else would give it back. */
  #refuseTooLate(): void {
    throwIfAborted(this.#abort.signal);
    if (!this.#ended) return;
    this.#rest();
    throw new ErrCanceled(`Transfer "${this.#home.key}": the job has ended`);
  }

  /** A wait that `run` left behind must not take a slot any more. */
  #stopBeginning(): void {
    const reason = new ErrCanceled(`Transfer "${this.#home.key}": the job has ended`);
    this.#slot.leave(reason);
    this.#over?.abort(reason);
  }

  #untilOver(): AbortSignal {
    this.#over ??= new AbortController();
    return AbortSignal.any([this.#abort.signal, this.#over.signal]);
  }

  #yield(): boolean {
    this.#patienceMs *= 2;
    const attempt = this.#attempt;
    attempt?.abort(new ErrCanceled(`Transfer "${this.#home.key}": another source may be ready`));
    return attempt !== undefined;
  }

  /** The turn stays until somebody wants it: the attempt may hold what every other source needs, such as a file. */
  #restInAttempt(): void {
    this.#slot.giveBack();
    this.#turn?.begin();
    if (!this.#ended) this.#home.onRest(this);
  }

  #rest(): void {
    this.#attempt = undefined;
    this.#slot.giveBack();
    this.#turn?.give();
    this.#turn = undefined;
    if (!this.#ended) this.#home.onRest(this);
  }
}

/** `promise`, whose rejection is no unhandled one when nobody listens. */
function unheard<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}
