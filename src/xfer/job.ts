import type { Progress, ProgressSink } from "../progress/progress.ts";

/** What a running transfer holds in its hand. */
export interface Job {
  readonly key: string;
  /** Fires when the last watcher has left: the work must stop and `run`'s promise settle soon. */
  readonly signal: AbortSignal;
  /** Tells every watcher. */
  progress(progress: Progress): void;
  /** Gives the slot back while the job goes on without moving bytes. Calling it again does nothing. */
  inactive(): void;
  /** Waits for a slot again after `inactive`, at the job's present priority. Rejects with `ErrCanceled` on cancellation. */
  active(): Promise<void>;
  /** Settles when the job has ended and nobody watches it any more: what the result refers to may be let go. */
  readonly released: Promise<void>;
}

/** One caller's share in a transfer. Whoever gets one must release it, also after `done` has settled. */
export interface Watcher<T> extends AsyncDisposable {
  readonly key: string;
  /** The result; rejects with the job's error, or with `ErrCanceled` when the last watcher left before the end. */
  readonly done: Promise<T>;
  /** Higher goes first, among jobs that still wait for a slot. A shared job has the highest priority of its watchers. */
  setPriority(priority: number): void;
  /**
   * Leaves. The last watcher out cancels the job. Resolves when this watcher's sink will be called no more; does not wait
   * for the job to wind down.
   */
  release(): Promise<void>;
}

/** How a transfer is joined. */
export interface TransferOptions {
  /** Called with the newest progress; when it returns a promise, the next call waits for it and skips to the newest. */
  readonly onProgress?: ((progress: Progress) => void | Promise<void>) | ProgressSink | undefined;
  /** Default 0. */
  readonly priority?: number | undefined;
}
