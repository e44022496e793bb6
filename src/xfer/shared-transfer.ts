import { type AbortOptions, abortable, throwIfAborted } from "../async/abort.ts";
import { findError, isCanceled, isDeadlineExceeded } from "../errors/predicates.ts";
import type { Job, TransferOptions } from "./job.ts";
import type { TransferManager } from "./transfer-manager.ts";

/** One caller's share in a transfer, and its way out. */
export type SharedTransferOptions = TransferOptions & AbortOptions;

/**
 * The result of `key`'s transfer for one caller, who joins the one under way or leads a new one with `run`. Rejects with the
 * abort error as soon as the signal fires, and leaves the transfer in any case; its sink is called no more afterwards,
 * unless it was still busy when the signal fired.
 *
 * Sharing never fails a caller that would have succeeded alone: when a transfer that another caller's `run` worked on dies
 * of its source (the error names an `endpoint`) or of that caller's own cancellation, this one transfers again, until its
 * own `run` has failed. Every other error (disk full, wrong digest on disk) would hit everybody, so everybody gets it.
 */
export async function transferShared<T>(
  manager: TransferManager,
  key: string,
  run: (job: Job) => Promise<T>,
  options: SharedTransferOptions = {},
): Promise<T> {
  for (;;) {
    throwIfAborted(options.signal);
    let own = false;
    const runOwn = (job: Job): Promise<T> => {
      own = true;
      return run(job);
    };
    const watcher = manager.transfer(key, runOwn, options);
    try {
      return await abortable(watcher.done, options.signal);
    } catch (error) {
      if (own || !isFaultOfLeader(error)) throw error;
    } finally {
      await abortable(watcher.release(), options.signal);
    }
  }
}

function isFaultOfLeader(error: unknown): boolean {
  return findError(error)?.endpoint !== undefined || isCanceled(error) || isDeadlineExceeded(error);
}
