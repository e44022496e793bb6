import { abortError } from "../async/abort.ts";
import { nextDelayMs } from "../async/backoff.ts";
import { type Clock, systemClock } from "../async/clock.ts";
import { plainWaiter, type Waiter } from "../async/waiting.ts";
import { LOCK_BACKOFF } from "../disk/file-lock.ts";
import { ErrCanceled, ErrDeadlineExceeded } from "../errors/classes.ts";
import { messageOf } from "../errors/message-of.ts";
import { findError, isDeadlineExceeded, isUnavailable } from "../errors/predicates.ts";
import { withMessage } from "../errors/with-message.ts";
import type { Ingester, Writer, WriterOptions } from "./store.ts";

/**
 * Tries at a store that is not available and does not speak of a lock: a service that is down. About two seconds, enough
 * for one that is started anew.
 */
const MAX_DOWN_ATTEMPTS = 9;

/** What a lock is called, by our store and by containerd's; its class alone may also mean that the store is down. */
const LOCKED = /\blocked\b/;

/** What people are shown while another writer has the ref. */
const REASON = { code: "process", words: "Waiting for another process" } as const;

/** How a writer is waited for. */
export interface OpenWriterOptions extends WriterOptions {
  /**
   * Measures the pauses between attempts.
   * @defaultValue the machine's
   * @avoid outside of tests
   * @example clock
   */
  readonly clock?: Clock | undefined;
  /**
   * Waits for the ref.
   * @defaultValue one that gives nothing back and shows nothing
   * @example waiter: plainWaiter({ show: ({ words }) => console.log(words) })
   */
  readonly waiter?: Waiter | undefined;
}

/**
 * Opens a writer and waits while another one has the ref: random below 16 ms, doubling to 2048 ms, for as long as the
 * signal allows. A store that is not available without a word of a lock gets `MAX_DOWN_ATTEMPTS`, and then its
 * `ErrUnavailable` is thrown as one that is not worth another attempt. Any other error is thrown at once (containerd's
 * `content.OpenWriter`; its error at the end of the wait is that of the lock, ours is `ErrCanceled` or
 * `ErrDeadlineExceeded` with that one as `cause`).
 */
export async function openWriter(ingester: Ingester, options: OpenWriterOptions): Promise<Writer> {
  const { clock = systemClock, waiter = plainWaiter(options), ...writerOptions } = options;
  try {
    return await ingester.writer(writerOptions);
  } catch (error) {
    if (!isUnavailable(error)) throw error;
    let writer: Writer | undefined;
    const poll = async (signal: AbortSignal | undefined): Promise<Writer> => {
      const attempt = (): Promise<Writer> => ingester.writer({ ...writerOptions, signal });
      writer = await keepTrying(attempt, { ref: options.ref, first: error, clock, signal });
      return writer;
    };
    try {
      return await waiter.wait(REASON, poll);
    } catch (failure) {
      await writer?.close(); // nobody wants it any more
      throw failure;
    }
  }
}

interface PollOptions {
  readonly ref: string;
  /** Why the first attempt failed. */
  readonly first: unknown;
  readonly clock: Clock;
  readonly signal: AbortSignal | undefined;
}

async function keepTrying(attempt: () => Promise<Writer>, options: PollOptions): Promise<Writer> {
  let error = options.first;
  let downs = 0;
  for (let number = 1; ; number++) {
    if (!isLocked(error)) downs++;
    if (downs >= MAX_DOWN_ATTEMPTS) throw storeIsDown(options.ref, error);
    await pause(number, { ...options, error });
    try {
      return await attempt();
    } catch (cause) {
      if (!isUnavailable(cause)) throw cause;
      error = cause;
    }
  }
}

function isLocked(error: unknown): boolean {
  return LOCKED.test(findError(error)?.message ?? "");
}

function storeIsDown(ref: string, error: unknown): unknown {
  const found = findError(error);
  const message = `open writer for ref ${ref}: the content store is not available: ${found?.message}`;
  return found ? withMessage(found, message, { retryable: false }) : error;
}

async function pause(
  number: number,
  { clock, signal, error }: PollOptions & { readonly error: unknown },
): Promise<void> {
  try {
    await clock.sleep(nextDelayMs(LOCK_BACKOFF, number) ?? 0, { signal });
  } catch (failure) {
    if (!signal?.aborted) throw failure;
    const aborted = abortError(signal);
    const gaveUp = isDeadlineExceeded(aborted) ? ErrDeadlineExceeded : ErrCanceled;
    const reason = messageOf(error);
    throw new gaveUp(`${aborted.message}: ${reason}`, { cause: error });
  }
}
