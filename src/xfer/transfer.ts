import { AsyncResource } from "node:async_hooks";
import { joinShared, type SharedTrace, sharedTrace } from "../async/shared-traces.ts";
import { Payers } from "../bandwidth/payers.ts";
import { ErrCanceled } from "../errors/classes.ts";
import { isDrayageError } from "../errors/drayage-error.ts";
import { findError, isCanceled, isDeadlineExceeded } from "../errors/predicates.ts";
import type { StepProgress } from "../progress/progress.ts";
import type { Job, TransferOptions, Watcher } from "./job.ts";
import { Lane, type LaneHome } from "./lane.ts";
import { LivePriority, orderOf, PREFETCH, type Priority, priorityNow } from "./live-priority.ts";
import { ProgressFeed, type Subscription } from "./progress-feed.ts";
import type { SlotWants, Tenant } from "./slot-limits.ts";
import type { SlotQueue } from "./slot-queue.ts";
import type { Turns } from "./turns.ts";

/** What a transfer lives in. */
export interface TransferHome {
  readonly queue: SlotQueue;
  readonly turns: Turns;
  /** Called once, as soon as nobody new may join: the job was cancelled or has ended. */
  readonly forget: () => void;
}

type Source = NonNullable<TransferOptions["source"]>;
type ProgressSink = NonNullable<TransferOptions["onProgress"]>;
/** The source of those who name none: they share whatever comes. */
const COMMON: Source = "";
/** The tenant of those who name none. */
const ANYBODY: Tenant = {};

type Run<T> = (job: Job) => Promise<T>;

interface Member<T> {
  readonly run: Run<T>;
  readonly outcome: PromiseWithResolvers<T>;
  readonly feed: Subscription | undefined;
  readonly tenant: Tenant;
  readonly wants: SlotWants;
  source: Source;
  priority: number;
  /** Whether its outcome is known. */
  settled: boolean;
}

/**
 * What is wanted once, and those who watch it. Each source among the watchers has a lane, with the run of the first who came
 * from there; the lanes work in turns until one of them succeeds, for all. One that fails does so for its own source.
 */
export class Transfer<T> {
  readonly key: string;
  readonly #home: TransferHome;
  readonly #feed = new ProgressFeed();
  readonly #members = new Set<Member<T>>();
  readonly #lanes = new Map<Source, Lane<T>>();
  /** Watchers whose outcome is not known yet, by source. */
  readonly #waiting = new Map<Source, number>();
  /** How many watchers each tenant has. */
  readonly #tenants = new Map<Tenant, number>();
  readonly #payers = new Payers();
  readonly #laneHome: LaneHome & { trace: SharedTrace | undefined };
  readonly #released = Promise.withResolvers<void>();
  #priority = 0;
  /** Nobody new may join. */
  #closed = false;
  #succeeded = false;

  constructor(key: string, home: TransferHome, waitingProgress: StepProgress | undefined) {
    this.key = key;
    this.#home = home;
    this.#laneHome = {
      key,
      trace: undefined,
      queue: home.queue,
      tenants: () => this.#tenants.keys(),
      payers: this.#payers,
      turns: home.turns,
      released: this.#released.promise,
      priority: () => this.#priority,
      waitingProgress,
      publish: (lane, progress) => this.#publish(lane, progress),
      onRest: (lane) => this.#onRest(lane),
    };
  }

  /** Adds one caller. */
  watch(run: Run<T>, options: TransferOptions): Watcher<T> {
    const { onProgress, waitsOnly, priority = 0, source = COMMON, tenant = ANYBODY } = options;
    const { host, isLarge, isBrief } = options;
    const member: Member<T> = {
      run,
      source,
      priority: priorityNow(priority),
      outcome: Promise.withResolvers<T>(),
      feed: onProgress && this.#feed.subscribe(inOwnContext(onProgress), { waitsOnly }),
      tenant,
      wants: { host, isLarge, isBrief },
      settled: false,
    };
    this.#laneHome.trace ??= sharedTrace("transfer", this.key);
    const done = joinShared(this.#laneHome.trace, () => member.outcome.promise);
    done.catch(() => {}); // a watcher may be held for its progress alone
    this.#members.add(member);
    this.#count(source, 1);
    this.#enter(tenant);
    this.#raise(member.priority);
    if (!this.#lanes.has(source)) this.#lead(member);

    const setPriority = (value: Priority): void => {
      member.priority = orderOf(value);
      this.#reprioritize();
    };
    const stop = priority instanceof LivePriority ? priority.onChange(setPriority) : () => {};
    let left: Promise<void> | undefined;
    const release = (): Promise<void> => {
      stop();
      left ??= this.#leave(member);
      return left;
    };
    return {
      key: this.key,
      done,
      setPriority,
      release,
      [Symbol.asyncDispose]: release,
    };
  }

  /** Opens a lane for the member's source, with the member's run. */
  #lead(leader: Member<T>): void {
    const lane = new Lane<T>(this.#laneHome, leader.wants);
    this.#lanes.set(leader.source, lane);
    void this.#work(lane, leader);
  }

  async #work(lane: Lane<T>, leader: Member<T>): Promise<void> {
    const { source } = leader;
    try {
      const value = await lane.work(leader.run);
      this.#lanes.delete(source);
      this.#succeed(value);
    } catch (error) {
      this.#lanes.delete(source);
      const isOwn = lane.canceled || (source !== COMMON && isFaultOfLeader(error));
      if (!this.#closed) this.#fail(error, leader, isOwn);
    }
    this.#wrapUp();
  }

  /** The first lane that succeeds does so for everybody. */
  #succeed(value: T): void {
    if (this.#closed) return;
    this.#succeeded = true;
    for (const member of this.#members) this.#settle(member, (outcome) => outcome.resolve(value));
    this.#close("another source was faster");
  }

  /**
   * A failure is that of the source, and of all who came from there. What the leader did himself (cancelled, or threw what is
   * none of our errors) is his alone: the others of his source go on, each for himself, because they could fail likewise.
   */
  #fail(error: unknown, leader: Member<T>, isOwn: boolean): void {
    const sharers = Array.from(this.#members).filter(
      ({ source, settled }) => source === leader.source && !settled,
    );
    for (const member of sharers) {
      if (member === leader || !isOwn) this.#settle(member, (outcome) => outcome.reject(error));
      else this.#goAlone(member);
    }
  }

  #goAlone(member: Member<T>): void {
    this.#count(member.source, -1);
    member.source = Symbol("alone");
    this.#count(member.source, 1);
    this.#lead(member);
  }

  /** After a lane has ended: nothing is left to join, or nobody is left to tell. */
  #wrapUp(): void {
    if (!this.#closed && this.#waiting.size === 0) {
      this.#close("nobody waits for it any more");
    }
    if (this.#members.size === 0 && (this.#succeeded || this.#lanes.size === 0)) this.#released.resolve();
  }

  /** Takes no more watchers and ends all lanes. */
  #close(why: string): void {
    this.#closed = true;
    this.#home.forget();
    for (const lane of this.#lanes.values()) lane.cancel(new ErrCanceled(`Transfer "${this.key}": ${why}`));
  }

  #settle(member: Member<T>, tell: (outcome: PromiseWithResolvers<T>) => void): void {
    if (member.settled) return;
    member.settled = true;
    this.#count(member.source, -1);
    tell(member.outcome);
  }

  #count(source: Source, more: number): void {
    const count = (this.#waiting.get(source) ?? 0) + more;
    if (count > 0) this.#waiting.set(source, count);
    else this.#waiting.delete(source);
  }

  /** A lane that waits has nothing to tell while another one works. */
  #publish(lane: object, progress: StepProgress): void {
    if (this.#closed) return;
    if (this.#lanes.size === 1 || this.#isToldBy(lane)) this.#feed.publish(progress);
  }

  #isToldBy(lane: object): boolean {
    const working = Array.from(this.#lanes.values()).filter((other) => other.working);
    return working.length === 0 || working.some((other) => other === lane);
  }

  /** A lane whose callers have all left may finish what it does for the others, but need not wait for it. */
  #onRest(lane: object): void {
    for (const [source, found] of this.#lanes) {
      if (found === lane) this.#endIfDeserted(source, found);
    }
  }

  #endIfDeserted(source: Source, lane: Lane<T>): void {
    if (lane.working || this.#waiting.has(source)) return;
    lane.cancel(new ErrCanceled(`Transfer "${this.key}": the last watcher of this source has left`));
  }

  #enter(tenant: Tenant): void {
    const watchers = this.#tenants.get(tenant) ?? 0;
    this.#tenants.set(tenant, watchers + 1);
    if (watchers > 0) return;
    if (tenant.payer) this.#payers.add(tenant.payer);
    for (const lane of this.#lanes.values()) lane.join(tenant);
  }

  #exit(tenant: Tenant): void {
    const watchers = this.#tenants.get(tenant) ?? 0;
    if (watchers > 1) return void this.#tenants.set(tenant, watchers - 1);
    this.#tenants.delete(tenant);
    if (tenant.payer) this.#payers.delete(tenant.payer);
    for (const lane of this.#lanes.values()) lane.part(tenant);
  }

  #reprioritize(): void {
    if (this.#members.size === 0) return;
    this.#setPriority(Math.max(...Array.from(this.#members, ({ priority }) => priority)));
  }

  #raise(priority: number): void {
    if (this.#members.size === 1 || priority > this.#priority) this.#setPriority(priority);
  }

  #setPriority(priority: number): void {
    if (priority === this.#priority) return;
    this.#priority = priority;
    this.#payers.isYielding = priority === PREFETCH;
    for (const lane of this.#lanes.values()) lane.setPriority(priority);
  }

  #leave(member: Member<T>): Promise<void> {
    if (this.#members.delete(member)) this.#exit(member.tenant);
    if (!member.settled) {
      const gone = new ErrCanceled(`Transfer "${this.key}": the watcher was released before the end`);
      this.#settle(member, (outcome) => outcome.reject(gone));
    }
    const lane = this.#lanes.get(member.source);
    if (this.#waiting.size > 0) {
      if (member.priority === this.#priority) this.#reprioritize();
      if (lane) this.#endIfDeserted(member.source, lane);
    } else if (!this.#closed) {
      this.#close("the last watcher has left");
    }
    this.#wrapUp();
    return member.feed?.close() ?? Promise.resolve();
  }
}

/** As `AsyncResource.bind`, which defines properties of each function that it makes. */
function inOwnContext(sink: ProgressSink): ProgressSink {
  const context = new AsyncResource("drayage:progress");
  return (progress) => context.runInAsyncScope(sink, undefined, progress);
}

/** What says nothing about the source: the leader's own cancellation, and what his own callbacks throw. */
function isFaultOfLeader(error: unknown): boolean {
  const found = findError(error);
  return !isDrayageError(found) || isCanceled(found) || isDeadlineExceeded(found);
}
