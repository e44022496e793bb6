import { abortError } from "../async/abort.ts";
import { nextDelayMs } from "../async/backoff.ts";
import { type Clock, systemClock } from "../async/clock.ts";
import { LOCK_BACKOFF } from "../disk/file-lock.ts";
import { ErrCanceled, ErrDeadlineExceeded } from "../errors/classes.ts";
import { isDeadlineExceeded, isUnavailable } from "../errors/predicates.ts";
import type { Ingester, Writer, WriterOptions } from "./store.ts";

/** How a writer is waited for. */
export interface OpenWriterOptions extends WriterOptions {
  readonly clock?: Clock | undefined;
}

/**
 * Opens a writer and waits while another one has the ref: random below 16 ms, doubling to 2048 ms, for as long as the
 * signal allows. Any error but `ErrUnavailable` is thrown at once (containerd's `content.OpenWriter`; its error at the end
 * of the wait is that of the lock, ours is `ErrCanceled` or `ErrDeadlineExceeded` with that one as `cause`).
 */
export async function openWriter(ingester: Ingester, options: OpenWriterOptions): Promise<Writer> {
  const { clock = systemClock, ...writerOptions } = options;
  for (let attempt = 1; ; attempt++) {
    try {
      return await ingester.writer(writerOptions);
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      await pause(clock, attempt, { signal: options.signal, locked: error });
    }
  }
}

async function pause(
  clock: Clock,
  attempt: number,
  { signal, locked }: { readonly signal: AbortSignal | undefined; readonly locked: unknown },
): Promise<void> {
  try {
    await clock.sleep(nextDelayMs(LOCK_BACKOFF, attempt) ?? 0, { signal });
  } catch (error) {
    if (!signal?.aborted) throw error;
    const aborted = abortError(signal);
    const gaveUp = isDeadlineExceeded(aborted) ? ErrDeadlineExceeded : ErrCanceled;
    const reason = locked instanceof Error ? locked.message : String(locked);
    throw new gaveUp(`${aborted.message}: ${reason}`, { cause: locked });
  }
}
