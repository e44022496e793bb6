import { constants, existsSync, readdirSync } from "node:fs";
import { access } from "node:fs/promises";
import { join } from "node:path";
import { type AbortOptions, throwIfAborted } from "../../async/abort.ts";
import { type BackoffPolicy, nextDelayMs } from "../../async/backoff.ts";
import { systemClock } from "../../async/clock.ts";
import { KeyedLock, type Release } from "../../async/keyed-lock.ts";
import { waitOut } from "../../async/wait-patiently.ts";
import type { WaitOptions } from "../../async/waiting.ts";
import { diskError, isMissingFile, isUnwritable } from "../../disk/disk-error.ts";
import { LOCK_BACKOFF, lockFile, tryLockFile } from "../../disk/file-lock.ts";
import { makeLockDirectory } from "../../disk/make-directory.ts";
import { codeOf } from "../../errors/code-of.ts";

/**
 * Waiting for a removal of another process, which takes milliseconds: random below 4 ms, doubling to 64 ms,
 * for ever.
 */
export const LEASE_BACKOFF: BackoffPolicy = { ...LOCK_BACKOFF, baseMs: 4, maxMs: 64 };

/** What people are shown while others remove content. */
export const REMOVALS = { code: "removals", words: "Waiting for removals" } as const;

/** Epochs after the first. */
const LATER_EPOCH = /^[1-9]\d{0,14}$/;

/** What anybody may ask about epochs. */
export interface Epochs {
  /** The epoch that work joins which begins now. */
  current(): number;
  /** The last epoch up to which all work has ended, in all processes. Never the current one. */
  ended(): number;
}

/** What the one removal whose turn it is may do with epochs. */
export interface Turn extends Epochs {
  /** Lets work that begins from now on join a later epoch than the present one and `after`. */
  moveOn(after: number): void;
}

/** What the shares of this process in one epoch stand on. */
interface HeldEpoch {
  users: number;
  readonly release: Release;
}

/**
 * Tells for whom content has to be kept that nothing refers to any more. Work of all processes joins the
 * current epoch, which is a shared lock; a removal lets a new epoch begin, and knows that all work from before
 * has ended when it gets the locks of the old ones for itself. Work that begins never waits. A killed process
 * loses its shares at once.
 */
export class RootLease implements Epochs {
  readonly #root: string;
  readonly #locks: string;
  /** The first epoch's: nothing else is made where nothing is ever removed. */
  readonly #firstPath: string;
  readonly #later: string;
  readonly #turnPath: string;
  readonly #turn = new KeyedLock();
  readonly #held = new Map<number, HeldEpoch>();

  constructor(root: string) {
    this.#root = root;
    this.#locks = join(root, "locks");
    this.#firstPath = join(this.#locks, "in-use");
    this.#later = join(this.#locks, "epochs");
    this.#turnPath = join(this.#locks, "removals");
  }

  /**
   * Joins the current epoch; the caller leaves it. Throws `ErrCanceled` when the signal has fired, or the
   * classes of `diskError`.
   */
  async enter({ signal }: AbortOptions = {}): Promise<Release> {
    throwIfAborted(signal);
    const epoch = await this.#join(signal);
    let isIn = epoch !== undefined;
    return () => {
      if (isIn && epoch !== undefined) this.#leave(epoch);
      isIn = false;
    };
  }

  /** The newest epoch that work of this process has joined and not left; -1 when there is none. */
  get newest(): number {
    let newest = -1;
    for (const epoch of this.#held.keys()) newest = Math.max(newest, epoch);
    return newest;
  }

  /**
   * Runs `work` when it is its turn among all removals of all processes. Rejects with `ErrCanceled` when the
   * signal fires before the turn has come.
   */
  async inTurn<T>(work: (turn: Turn) => Promise<T>, { waiter, ...options }: WaitOptions = {}): Promise<T> {
    return await waitOut(this.#inTurn(work, options), { reason: REMOVALS, waiter });
  }

  /** Runs `work` if it can have its turn now. Returns whether it could. */
  async tryTurn(work: (turn: Turn) => Promise<void>): Promise<boolean> {
    const endTurn = this.#turn.tryAcquire(this.#turnPath);
    try {
      const unlock = endTurn && tryLockFile(this.#turnPath, "exclusive", { removeOnRelease: true });
      if (!unlock) return false;
      try {
        await work(this.#asTurn());
        return true;
      } finally {
        unlock();
      }
    } finally {
      endTurn?.();
    }
  }

  current(): number {
    return this.#laterNumbers().at(-1) ?? 0;
  }

  ended(): number {
    const later = this.#laterNumbers();
    const current = later.at(-1) ?? 0;
    const numbers = existsSync(this.#firstPath) ? [0, ...later] : later;
    for (const epoch of numbers.filter((number) => number < current)) {
      if (this.#held.has(epoch)) return epoch - 1;
      const release = tryLockFile(this.#path(epoch), "exclusive", { removeOnRelease: true });
      if (!release) return epoch - 1;
      release();
    }
    return current - 1;
  }

  async #inTurn<T>(work: (turn: Turn) => Promise<T>, { signal }: AbortOptions): Promise<T> {
    const endTurn = await this.#turn.acquire(this.#turnPath, { signal });
    try {
      await makeLockDirectory(this.#locks);
      await makeLockDirectory(this.#later);
      const unlock = await lockFile(this.#turnPath, {
        signal,
        backoff: LEASE_BACKOFF,
        removeOnRelease: true,
      });
      try {
        return await work(this.#asTurn());
      } finally {
        unlock();
      }
    } finally {
      endTurn();
    }
  }

  #asTurn(): Turn {
    return {
      current: () => this.current(),
      moveOn: (after) => this.#begin(Math.max(after, this.current()) + 1),
      ended: () => this.ended(),
    };
  }

  async #join(signal: AbortSignal | undefined): Promise<number | undefined> {
    try {
      if (this.#held.size === 0) await makeLockDirectory(this.#locks); // otherwise a lock of ours is in it
      for (let attempt = 1; ; attempt++) {
        const epoch = this.#tryJoin();
        if (epoch !== undefined) return epoch;
        await systemClock.sleep(nextDelayMs(LEASE_BACKOFF, attempt) ?? 0, { signal });
      }
    } catch (error) {
      // Where nothing can be removed, nothing has to be kept; and whoever may only read must not stop those who may write.
      if (isUnwritable(error) || (await isReadOnlyMedium(this.#root))) return undefined;
      throw error;
    }
  }

  /** In one turn of the event loop. `undefined` when a removal has let another epoch begin meanwhile. */
  #tryJoin(): number | undefined {
    const epoch = this.current();
    const held = this.#held.get(epoch);
    if (held) {
      held.users++;
      return epoch;
    }
    const release = tryLockFile(this.#path(epoch), "shared");
    let isIn = false;
    try {
      // An epoch that ended before it was locked may have been found empty already.
      isIn = release !== undefined && this.current() === epoch;
      if (isIn && release) this.#held.set(epoch, { users: 1, release });
    } finally {
      if (!isIn) release?.();
    }
    return isIn ? epoch : undefined;
  }

  #leave(epoch: number): void {
    const held = this.#held.get(epoch);
    if (!held) return;
    held.users--;
    if (held.users > 0) return;
    this.#held.delete(epoch);
    held.release();
  }

  /** The file of an epoch is what makes it begin: so that a full disk has room for it. */
  #begin(epoch: number): void {
    tryLockFile(this.#path(epoch), "shared")?.();
  }

  #laterNumbers(): readonly number[] {
    try {
      return readdirSync(this.#later)
        .filter((name) => LATER_EPOCH.test(name))
        .map(Number)
        .toSorted((a, b) => a - b);
    } catch (cause) {
      if (isMissingFile(cause)) return [];
      throw diskError("read epochs", this.#later, cause);
    }
  }

  #path(epoch: number): string {
    return epoch === 0 ? this.#firstPath : join(this.#later, String(epoch));
  }
}

async function isReadOnlyMedium(path: string): Promise<boolean> {
  try {
    await access(path, constants.W_OK);
    return false;
  } catch (error) {
    return codeOf(error) === "EROFS";
  }
}
