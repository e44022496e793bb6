import { type BackoffPolicy, nextDelayMs } from "../async/backoff.ts";
import { type Clock, systemClock } from "../async/clock.ts";
import { KeyedLock, type Release } from "../async/keyed-lock.ts";
import type { Waiter } from "../async/waiting.ts";
import type { Store, Writer } from "../content/store.ts";
import { unlessNotFound } from "../content/unless-not-found.ts";
import { LOCK_BACKOFF } from "../disk/file-lock.ts";
import { isUnavailable } from "../errors/predicates.ts";

/** What people are shown while somebody else makes a layer. */
const REASON = { code: "process", words: "Waiting for another process" } as const;

/** Looking whether somebody else is done: random below 16 ms, doubling to 256 ms. */
const LOOK_BACKOFF: BackoffPolicy = { ...LOCK_BACKOFF, maxMs: 256 };

/**
 * After this time, in milliseconds, it is tried whether whoever has the turn still lives. Not all the time: a containerd of 1.6
 * changes nothing for anybody while it waits for a ref.
 */
const PATIENCE_MS = 5_000;

/** What containerd says of a ref that another writer has; its class alone may also mean that it cannot be reached. */
const LOCKED = /\blocked\b/;

/** How a turn is waited for. */
export interface TurnOptions {
  readonly signal: AbortSignal;
  readonly waiter: Waiter;
}

/**
 * Whose turn it is to make something at a containerd, among all processes that use it. A turn is a writer of an ingest: a ref has
 * one, and containerd lets it go when the connection of its process ends.
 */
export class UnpackTurns {
  readonly #content: Store;
  readonly #clock: Clock;
  /** Those of this process wait for each other here. */
  readonly #ours = new KeyedLock();

  constructor(content: Store, clock: Clock = systemClock) {
    this.#content = content;
    this.#clock = clock;
  }

  /** Waits for the turn; gives what ends it, which never rejects. Throws `ErrCanceled`, and what the service throws. */
  async take(ref: string, { signal, waiter }: TurnOptions): Promise<() => Promise<void>> {
    let release: Release | undefined;
    let writer: Writer | undefined;
    try {
      release = this.#ours.tryAcquire(ref);
      if (!release) {
        await waiter.wait(REASON, async (stop) => {
          release = await this.#ours.acquire(ref, { signal: stop });
        });
      }
      writer = await this.#tryWriter(ref, signal);
      if (!writer) {
        await waiter.wait(REASON, async (stop) => {
          writer = await this.#await(ref, stop);
        });
      }
    } catch (error) {
      await writer?.close().catch(() => {}); // it may have come when nobody wanted it any more
      release?.();
      throw error;
    }
    return async () => {
      // The ingest goes first: others go by it, and nothing of this one shall stay.
      await this.#content.abort(ref).catch(() => {});
      await writer?.close().catch(() => {});
      release?.();
    };
  }

  async #await(ref: string, signal: AbortSignal | undefined): Promise<Writer> {
    for (;;) {
      const until = this.#clock.elapsed() + PATIENCE_MS;
      for (let look = 1; this.#clock.elapsed() < until && (await this.#isTaken(ref, signal)); look++) {
        await this.#clock.sleep(nextDelayMs(LOOK_BACKOFF, look) ?? 0, { signal });
      }
      const writer = await this.#tryWriter(ref, signal);
      if (writer) return writer;
    }
  }

  async #isTaken(ref: string, signal: AbortSignal | undefined): Promise<boolean> {
    return (await unlessNotFound(this.#content.status(ref, { signal }))) !== undefined;
  }

  async #tryWriter(ref: string, signal: AbortSignal | undefined): Promise<Writer | undefined> {
    try {
      return await this.#content.writer({ ref, signal });
    } catch (error) {
      if (isUnavailable(error) && LOCKED.test(error.message)) return undefined;
      throw error;
    }
  }
}
