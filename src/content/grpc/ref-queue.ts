import { type AbortOptions, abortError, anySignal } from "../../async/abort.ts";
import { type BackoffPolicy, nextDelayMs } from "../../async/backoff.ts";
import { systemClock } from "../../async/clock.ts";
import { KeyedLock, type Release } from "../../async/keyed-lock.ts";
import { LOCK_BACKOFF } from "../../disk/file-lock.ts";
import { isUnavailable } from "../../errors/predicates.ts";
import type { Ingester, Writer, WriterOptions } from "../store.ts";

/**
 * How long a stream waits for a ref that another one writes, in milliseconds. Containerd's client half-closes a writer and
 * opens the next one without waiting, so there is always some overlap: the time that the last one needs to sync its bytes.
 */
export const LOCK_WAIT_MS = 2_000;

/** Those outside this service wake nobody, so the store is asked often; at most every 128 ms. */
const POLL: BackoffPolicy = { ...LOCK_BACKOFF, maxMs: 128 };

/** A writer and the turn that came with it. */
export interface QueuedWriter {
  readonly writer: Writer;
  /** Lets the next stream in; to be called once the writer is closed. */
  readonly release: Release;
}

/** Opens writers for streams that may come a little early: those of this service wait in line and are woken. */
export class RefQueue {
  readonly #turns = new KeyedLock();
  readonly #waitMs: number;

  constructor(waitMs: number = LOCK_WAIT_MS) {
    this.#waitMs = waitMs;
  }

  /**
   * Opens a writer. Throws `ErrUnavailable`, in the store's words, when another one still has the ref at the end of the
   * wait; otherwise what the store throws. `key` tells refs of the same name in different stores apart.
   */
  async open(ingester: Ingester, options: WriterOptions, key: string): Promise<QueuedWriter> {
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(), this.#waitMs);
    const wait = { signal: anySignal(deadline.signal, options.signal) };
    try {
      const release = await this.#turn(key, options, wait);
      try {
        return { writer: await openPolling(ingester, options, wait), release };
      } catch (error) {
        release();
        throw error;
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** Who waited in vain goes on without a turn: the store then tells who has the ref. */
  async #turn(key: string, { signal }: AbortOptions, wait: AbortOptions): Promise<Release> {
    try {
      return await this.#turns.acquire(key, wait);
    } catch {
      if (signal?.aborted) throw abortError(signal);
      return () => {};
    }
  }
}

/** Only the pauses end with the wait: a writer that is being opened may have many bytes to hash. */
async function openPolling(
  ingester: Ingester,
  options: WriterOptions,
  wait: { readonly signal: AbortSignal },
): Promise<Writer> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ingester.writer(options);
    } catch (locked) {
      if (!isUnavailable(locked) || wait.signal.aborted) throw locked;
      await systemClock.sleep(nextDelayMs(POLL, attempt) ?? 0, wait).catch(() => {
        if (options.signal?.aborted) throw abortError(options.signal);
        throw locked;
      });
    }
  }
}
