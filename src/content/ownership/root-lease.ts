import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type AbortOptions, abortable, throwIfAborted } from "../../async/abort.ts";
import type { BackoffPolicy } from "../../async/backoff.ts";
import { KeyedLock, type Release } from "../../async/keyed-lock.ts";
import { isUnwritable } from "../../disk/disk-error.ts";
import { LOCK_BACKOFF, lockFile, tryLockFile } from "../../disk/file-lock.ts";
import { makeLockDirectory } from "../../disk/make-directory.ts";

/**
 * Waiting for a removal of another process, which takes milliseconds: random below 4 ms, doubling to 64 ms,
 * for ever.
 */
const LEASE_BACKOFF: BackoffPolicy = { ...LOCK_BACKOFF, baseMs: 4, maxMs: 64 };

/** How a share of the lease is waited for. */
export interface ShareOptions extends AbortOptions {
  /** Called once when another process removes something and has to be waited for. */
  readonly onWait?: (() => void) | undefined;
}

/** Runs work with nobody else in the root, or returns `undefined` at once when somebody is. */
export type TryAlone = <T>(work: () => Promise<T>) => Promise<T | undefined>;

/** The one lock on disk that all shares of this process stand on. */
interface SharedLock {
  readonly acquired: Promise<Release>;
  /** Ends the wait for it, when nobody wants it any more. */
  readonly controller: AbortController;
  isWaiting: boolean;
}

/**
 * Keeps content from being removed while work builds on it. Work of all processes shares the lease; a removal
 * needs it alone, and removals go one after the other. A killed process loses its share at once.
 */
export class RootLease {
  readonly #root: string;
  readonly #usePath: string;
  readonly #turnPath: string;
  readonly #turn = new KeyedLock();
  readonly #onIdle: () => Promise<void>;
  #users = 0;
  #lock: SharedLock | undefined;
  /** Settles when the removal of this process that has the root alone is done. */
  #alone: Promise<void> | undefined;

  /** @param onIdle called after the last share of this process was given back; must not throw */
  constructor(root: string, onIdle: () => Promise<void>) {
    this.#root = root;
    this.#usePath = join(root, "locks", "in-use");
    this.#turnPath = join(root, "locks", "removals");
    this.#onIdle = onIdle;
  }

  /**
   * Runs `work` while nothing can be removed. Waits for a removal that is under way, as long as the signal
   * allows: throws `ErrCanceled`, or the classes of `diskError`.
   */
  async share<T>(work: () => Promise<T>, options: ShareOptions = {}): Promise<T> {
    throwIfAborted(options.signal);
    this.#users++;
    try {
      await this.#enter(options);
      return await work();
    } finally {
      await this.#leave();
    }
  }

  /** Whether work of this process holds a share. */
  get inUse(): boolean {
    return this.#users > 0;
  }

  /**
   * Runs `work` when it is its turn among all removals of all processes. `work` is given what makes it alone
   * in the root; that never waits. Rejects with `ErrCanceled` when the signal fires before the turn has come.
   */
  async inTurn<T>(work: (tryAlone: TryAlone) => Promise<T>, { signal }: AbortOptions = {}): Promise<T> {
    const endTurn = await this.#turn.acquire(this.#turnPath, { signal });
    try {
      await makeLockDirectory(dirname(this.#turnPath));
      const unlock = await lockFile(this.#turnPath, {
        signal,
        backoff: LEASE_BACKOFF,
        removeOnRelease: true,
      });
      try {
        return await work((section) => this.#tryAlone(section));
      } finally {
        unlock();
      }
    } finally {
      endTurn();
    }
  }

  async #tryAlone<T>(work: () => Promise<T>): Promise<T | undefined> {
    if (this.#users > 0) return undefined;
    const release = tryLockFile(this.#usePath, "exclusive", { removeOnRelease: true });
    if (!release) return undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#alone = promise;
    try {
      return await work();
    } finally {
      release();
      this.#alone = undefined;
      resolve();
    }
  }

  async #enter({ signal, onWait }: ShareOptions): Promise<void> {
    while (this.#alone) await abortable(this.#alone, signal);
    if (this.#lock?.isWaiting) onWait?.();
    this.#lock ??= this.#start(onWait);
    await abortable(this.#lock.acquired, signal);
    throwIfAborted(signal);
  }

  #start(onWait: (() => void) | undefined): SharedLock {
    const controller = new AbortController();
    const lock: SharedLock = {
      acquired: this.#acquire(controller.signal, () => {
        lock.isWaiting = true;
        onWait?.();
      }),
      controller,
      isWaiting: false,
    };
    lock.acquired.then(
      () => (lock.isWaiting = false),
      () => {}, // whoever waits for it sees the failure
    );
    return lock;
  }

  async #acquire(signal: AbortSignal, onWait: () => void): Promise<Release> {
    try {
      await makeLockDirectory(dirname(this.#usePath));
      return await lockFile(this.#usePath, { mode: "shared", signal, backoff: LEASE_BACKOFF, onWait });
    } catch (error) {
      // Where nothing can be removed, nothing has to be kept; and whoever may only read must not stop those who may write.
      if (isUnwritable(error) || (await isReadOnlyMedium(this.#root))) return () => {};
      throw error;
    }
  }

  async #leave(): Promise<void> {
    this.#users--;
    if (this.#users > 0 || !this.#lock) return;
    const { acquired, controller } = this.#lock;
    this.#lock = undefined;
    controller.abort();
    const release = await acquired.catch(() => undefined); // whoever waited for it has seen the failure
    if (!release) return;
    release();
    await this.#onIdle();
  }
}

async function isReadOnlyMedium(path: string): Promise<boolean> {
  try {
    await access(path, constants.W_OK);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EROFS";
  }
}
