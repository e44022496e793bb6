import { existsSync } from "node:fs";
import { basename } from "node:path";
import type { Release } from "../../async/keyed-lock.ts";
import { LinkedLocks } from "../../disk/linked-locks.ts";
import { makeLockDirectory } from "../../disk/make-directory.ts";
import { ErrUnavailable } from "../../errors/classes.ts";
import type { Layout } from "./layout.ts";

/** One writer per ref: among the writers of a store, and by a lock file among the stores on the same root. */
export class RefLocks {
  readonly #layout: Layout;
  readonly #files: LinkedLocks;
  /** When the writers of this store took their refs, in milliseconds since the epoch. */
  readonly #since = new Map<string, number>();

  constructor(layout: Layout) {
    this.#layout = layout;
    this.#files = new LinkedLocks(layout.locks);
  }

  /** Takes the lock; the caller releases it. Throws `ErrUnavailable` (`ref <ref> locked ...`) at once when it is taken. */
  async acquire(ref: string): Promise<Release> {
    const path = this.#layout.lockPath(ref);
    const since = this.#since.get(path);
    if (since !== undefined) {
      const held = `${Date.now() - since}ms (since ${new Date(since).toISOString()})`;
      throw new ErrUnavailable(`ref ${ref} locked for ${held}`);
    }
    this.#since.set(path, Date.now());
    try {
      if (!existsSync(this.#layout.locks)) await makeLockDirectory(this.#layout.locks);
      const release = this.#files.tryLock(basename(path));
      if (!release) throw new ErrUnavailable(`ref ${ref} locked by another store on the same root`);
      return this.#releaseOnce(path, release);
    } catch (error) {
      this.#since.delete(path);
      throw error;
    }
  }

  #releaseOnce(path: string, releaseFile: Release): Release {
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      releaseFile();
      this.#since.delete(path);
    };
  }
}
