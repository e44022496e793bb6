import { type AbortOptions, abortable, throwIfAborted } from "../async/abort.ts";
import type { Job, TransferOptions } from "./job.ts";
import type { TransferManager } from "./transfer-manager.ts";

/** One caller's share in a transfer, and its way out. */
export type SharedTransferOptions = TransferOptions & AbortOptions;

/** The option of a descriptor's source, if it names one. */
export function ofSource({
  source,
}: {
  readonly source?: string | undefined;
}): Pick<TransferOptions, "source"> {
  return source === undefined ? {} : { source };
}

/**
 * The result of `key`'s transfer for one caller, who joins the one under way or leads a new one with `run`. Rejects with the
 * abort error as soon as the signal fires, and leaves the transfer in any case; its sink is called no more afterwards,
 * unless it was still busy when the signal fired.
 *
 * Sharing never fails a caller that would have succeeded alone, nor holds one up: see `TransferManager.transfer` about
 * sources. Without a `source` the caller is a source of his own.
 */
export async function transferShared<T>(
  manager: TransferManager,
  key: string,
  run: (job: Job) => Promise<T>,
  options: SharedTransferOptions = {},
): Promise<T> {
  throwIfAborted(options.signal);
  const watcher = manager.transfer(key, run, { source: Symbol(key), ...options });
  try {
    return await abortable(watcher.done, options.signal);
  } finally {
    await abortable(watcher.release(), options.signal);
  }
}
