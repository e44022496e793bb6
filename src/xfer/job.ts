import type { Waiter } from "../async/waiting.ts";
import type { Payers } from "../bandwidth/payers.ts";
import type { StepProgress, StepSink, Subject } from "../progress/progress.ts";
import type { LivePriority, Priority } from "./live-priority.ts";
import type { SlotWants, Tenant } from "./slot-limits.ts";

/** What a running transfer holds in its hand. */
export interface Job {
  readonly key: string;
  /** Fires when the last watcher has left: the work must stop and `run`'s promise settle soon. */
  readonly signal: AbortSignal;
  /** On whose account its bytes move at present. */
  readonly payers: Payers;
  /** Tells every watcher. */
  progress(progress: StepProgress): void;
  /** Says that bytes have moved, at least once per attempt: a job that is quiet must let another source try. */
  moved(): void;
  /** Says that all bytes are here: whoever gave them may be asked for others, while the job does what is left to do. */
  received(): void;
  /**
   * Makes an attempt that may be broken off for another source's sake, because it moves nothing or waits. Its signal fires
   * then, and when the job's does; who finds that only the attempt has ended calls `inactive`, `active`, and tries again.
   * Without it, the other source works beside the quiet job.
   */
  attempt<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T>;
  /** Gives the slot back while the job goes on without moving bytes. Does nothing when no slot is held. */
  inactive(): void;
  /**
   * Waits for a slot again after `inactive`, at the job's present priority. Rejects with `ErrCanceled` on cancellation, which
   * nobody needs to listen to.
   */
  active(): Promise<void>;
  /**
   * What the work below waits with: the job has no slot while it waits, all watchers are shown the reason under its id, and
   * the job's signal ends the wait. A slot is taken again when the outermost wait succeeds; after one that fails the job
   * has none until `active`.
   */
  waiter(subject: Subject): Waiter;
  /** Settles when the job has ended and nobody watches it any more: what the result refers to may be let go. */
  readonly released: Promise<void>;
}

/** One caller's share in a transfer. Whoever gets one must release it, also after `done` has settled. */
export interface Watcher<T> extends AsyncDisposable {
  readonly key: string;
  /**
   * The result; rejects with the job's error, or with `ErrCanceled` as soon as this watcher is released before the end,
   * whether or not others stay. Nobody needs to listen to it.
   */
  readonly done: Promise<T>;
  /** Higher goes first, among jobs that still wait for a slot. A shared job has the highest priority of its watchers. */
  setPriority(priority: Priority): void;
  /**
   * Leaves. The last watcher out cancels the job. Resolves when this watcher's sink has had all that came before and will
   * be called no more; does not wait for the job to wind down. Never rejects; again does nothing.
   */
  release(): Promise<void>;
}

/** How a transfer is joined. */
export interface TransferOptions extends SlotWants {
  /**
   * Called with the newest progress, first of all the last one there was before joining; an update equal to the one before is
   * left out. When it returns a promise, the next call waits for it and skips to the newest update; such a sink must not wait for
   * the `release` of its own watcher, which waits for the sink. When it throws or rejects it is called no more and a process
   * warning tells why; the job and the other watchers do not notice.
   * @defaultValue nobody is told
   * @example onProgress: (progress) => console.log(progress)
   */
  readonly onProgress?: ((progress: StepProgress) => void | Promise<void>) | StepSink | undefined;
  /**
   * Whether `onProgress` is called only when the job waits for something that it can name.
   * @hidden for operations of which nobody is told, and whose waits are logged
   */
  readonly waitsOnly?: boolean | undefined;
  /**
   * Who is asked, and by whom: callers of equal sources share the fate of a failure, the others go on with their own runs.
   * @defaultValue one source for all
   * @example source: "https://registry.example jane"
   */
  readonly source?: string | symbol | undefined;
  /**
   * Higher goes first among jobs that wait for a slot.
   * @unit none, any finite number
   * @defaultValue 0
   * @example priority: 10
   */
  readonly priority?: Priority | LivePriority | undefined;
  /**
   * Whom the transfer's slot is for, among equals that wait for one.
   * @defaultValue one tenant for all who name none
   * @example tenant: { group: "tenant-7" }
   */
  readonly tenant?: Tenant | undefined;
  /**
   * What all watchers are shown whenever the job has to wait for a slot. Only who starts the job decides it.
   * @defaultValue nothing
   * @example waiting: { kind: "message", id: "layer", message: "Waiting" }
   */
  readonly waiting?: StepProgress | undefined;
}
