import type PQueue from "p-queue";
import { throwIfAborted } from "../async/abort.ts";
import type { Waiter } from "../async/waiting.ts";
import { ErrCanceled, ErrFailedPrecondition, ErrInvalidArgument } from "../errors/classes.ts";
import { type Progress, update } from "../progress/progress.ts";
import type { Job, TransferOptions, Watcher } from "./job.ts";
import { ProgressFeed, type Subscription } from "./progress-feed.ts";
import { Slot } from "./slot.ts";

/** What a transfer lives in. */
export interface TransferHome {
  readonly queue: PQueue;
  /** Called once, as soon as nobody new may join: the job was cancelled or has ended. */
  readonly forget: () => void;
}

interface Member<T> {
  readonly outcome: PromiseWithResolvers<T>;
  readonly feed: Subscription | undefined;
  priority: number;
}

/** One job and those who watch it. */
export class Transfer<T> {
  readonly key: string;
  readonly #home: TransferHome;
  readonly #slot: Slot;
  readonly #feed = new ProgressFeed();
  readonly #members = new Set<Member<T>>();
  readonly #abort = new AbortController();
  readonly #released = Promise.withResolvers<void>();
  #priority = 0;
  #waitingProgress: Progress | undefined;
  #ended = false;
  /** Waits under way, those inside others counted as well. */
  #waits = 0;

  constructor(key: string, home: TransferHome) {
    this.key = key;
    this.#home = home;
    this.#slot = new Slot(home.queue);
  }

  /** Calls `run` once a slot is free. Called once, after the first `watch`. */
  start(run: (job: Job) => Promise<T>, waitingProgress: Progress | undefined): void {
    this.#waitingProgress = waitingProgress;
    void this.#work(run);
  }

  /** Adds one caller. */
  watch({ onProgress, priority = 0 }: TransferOptions): Watcher<T> {
    const member: Member<T> = {
      priority: finite(priority),
      outcome: Promise.withResolvers<T>(),
      feed: onProgress && this.#feed.subscribe(onProgress),
    };
    member.outcome.promise.catch(() => {}); // a watcher may be held for its progress alone
    this.#members.add(member);
    this.#reprioritize();

    let left: Promise<void> | undefined;
    const release = (): Promise<void> => (left ??= this.#leave(member));
    return {
      key: this.key,
      done: member.outcome.promise,
      setPriority: (value) => {
        member.priority = finite(value);
        this.#reprioritize();
      },
      release,
      [Symbol.asyncDispose]: release,
    };
  }

  async #work(run: (job: Job) => Promise<T>): Promise<void> {
    try {
      await this.#takeSlot();
      const value = await run(this.#job());
      this.#end((member) => member.outcome.resolve(value));
    } catch (error) {
      this.#end((member) => member.outcome.reject(error));
    }
  }

  #job(): Job {
    const { signal } = this.#abort;
    return {
      key: this.key,
      signal,
      released: this.#released.promise,
      progress: (progress) => {
        if (!this.#ended) this.#feed.publish(progress);
      },
      inactive: () => this.#slot.giveBack(),
      active: () => unheard(this.#takeSlot()),
      waiter: (id) => this.#waiter(id, signal),
    };
  }

  #waiter(id: string, signal: AbortSignal): Waiter {
    return {
      wait: async (reason, work) => {
        throwIfAborted(signal);
        if (!this.#ended) this.#feed.publish(update(id, reason, 0, 0));
        this.#waits++;
        this.#slot.giveBack();
        const result = await work(signal).finally(() => void this.#waits--);
        if (this.#waits === 0) await this.#takeSlot();
        return result;
      },
    };
  }

  async #takeSlot(): Promise<void> {
    if (this.#ended) throw new ErrFailedPrecondition(`Take slot for "${this.key}": the job has ended`);
    throwIfAborted(this.#abort.signal);
    const granted = this.#slot.take(this.#priority);
    if (this.#slot.waiting && this.#waitingProgress) this.#feed.publish(this.#waitingProgress);
    await granted;
    throwIfAborted(this.#abort.signal); // the last watcher may leave between the grant and this line
  }

  #reprioritize(): void {
    const priority = Math.max(...Array.from(this.#members, (member) => member.priority));
    if (priority === this.#priority || !Number.isFinite(priority)) return;
    this.#priority = priority;
    this.#slot.setPriority(priority);
  }

  #leave(member: Member<T>): Promise<void> {
    this.#members.delete(member);
    member.outcome.reject(new ErrCanceled(`Transfer "${this.key}": the watcher was released before the end`));
    if (this.#members.size > 0) this.#reprioritize();
    else if (this.#ended) this.#released.resolve();
    else this.#cancel();
    return member.feed?.close() ?? Promise.resolve();
  }

  #cancel(): void {
    const reason = new ErrCanceled(`Transfer "${this.key}": the last watcher has left`);
    this.#home.forget();
    this.#slot.leave(reason);
    this.#abort.abort(reason);
  }

  #end(settle: (member: Member<T>) => void): void {
    this.#ended = true;
    if (!this.#abort.signal.aborted) this.#home.forget();
    this.#slot.giveBack();
    this.#slot.leave(new ErrCanceled(`Transfer "${this.key}": the job has ended`)); // a wait that run left behind
    for (const member of this.#members) settle(member);
    if (this.#members.size === 0) this.#released.resolve();
  }
}

/** `promise`, whose rejection is no unhandled one when nobody listens. */
function unheard<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

function finite(priority: number): number {
  if (Number.isFinite(priority)) return priority;
  throw new ErrInvalidArgument(`Set priority: got ${priority}, wanted a finite number`);
}
