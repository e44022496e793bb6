import { readdir, rmdir } from "node:fs/promises";
import { join } from "node:path";
import type { AbortOptions } from "../../async/abort.ts";
import type { Release } from "../../async/keyed-lock.ts";
import { algorithmOf, type Digest, encodedOf } from "../../digest/digest.ts";
import { diskError, isMissingFile } from "../../disk/disk-error.ts";
import { lockFile } from "../../disk/file-lock.ts";
import { makeLockDirectory } from "../../disk/make-directory.ts";
import { LEASE_BACKOFF } from "./root-lease.ts";
import { SweepList } from "./sweep-list.ts";

const EPOCH = /^(?:0|[1-9]\d{0,14})$/;

/** What of a root waits to be looked at. */
export interface Waiting {
  /** Whether something has lost a reference that no sweep has looked at yet. */
  readonly hasFresh: boolean;
  /** The epochs whose end something waits for, ascending. */
  readonly epochs: readonly number[];
}

/**
 * Content that lost what referred to it, in two steps. `sweep/` has what no sweep has looked at; `sweep/<epoch>/`
 * what may go when all work of that epoch, and of those before, has ended. Work that began later and finds a
 * blob that is doomed there rescues it: the blob is then to be looked at anew, for the rescuer's sake.
 */
export class DoomedContent {
  /** What no sweep has looked at yet. */
  readonly fresh: SweepList;
  readonly #directory: string;
  readonly #locks: string;

  constructor(root: string) {
    this.#directory = join(root, "sweep");
    this.#locks = join(root, "locks");
    this.fresh = new SweepList(this.#directory);
  }

  /** What waits. One reading of one directory, which mostly is empty. Throws the classes of `diskError`. */
  async waiting(): Promise<Waiting> {
    const names = await this.#names();
    const epochs = names.filter((name) => EPOCH.test(name)).map(Number);
    return { hasFresh: names.length > epochs.length, epochs: epochs.toSorted((a, b) => a - b) };
  }

  /** What waits for the end of an epoch. */
  in(epoch: number): SweepList {
    return new SweepList(join(this.#directory, String(epoch)));
  }

  /** Forgets an epoch for whose end nothing waits any more. The caller has the turn. */
  async close(epoch: number): Promise<void> {
    const path = join(this.#directory, String(epoch));
    try {
      await rmdir(path);
    } catch (cause) {
      const { code = "" } = cause as NodeJS.ErrnoException;
      if (isMissingFile(cause) || code === "ENOTEMPTY" || code === "EEXIST") return;
      throw diskError("forget content to remove", path, cause);
    }
  }

  /** Whether a blob is doomed in any epoch. */
  async has(digest: Digest): Promise<boolean> {
    return (await this.#lists(digest, Number.POSITIVE_INFINITY)).length > 0;
  }

  /**
   * Keeps a blob for work of epoch `newest`: where it is doomed in an epoch before, that is taken back. Whoever
   * has called this, and then finds the blob, may rely on it. Waits while the blob is being deleted. Throws
   * `ErrCanceled`, or the classes of `diskError`.
   */
  async rescue(digest: Digest, newest: number, options: AbortOptions): Promise<void> {
    if ((await this.#lists(digest, newest)).length === 0) return;
    const release = await this.lock(digest, options);
    try {
      for (const list of await this.#lists(digest, newest)) {
        await list.move({ digest, kind: "doomed" }, { list: this.fresh, kind: "blob" });
      }
    } finally {
      release();
    }
  }

  /** Keeps a blob from being rescued while it is deleted, and from being deleted while it is rescued. */
  async lock(digest: Digest, { signal }: AbortOptions = {}): Promise<Release> {
    await makeLockDirectory(this.#locks);
    const path = join(this.#locks, `${algorithmOf(digest)}-${encodedOf(digest)}.doomed`);
    return await lockFile(path, { signal, backoff: LEASE_BACKOFF, removeOnRelease: true });
  }

  /** The lists of epochs before `newest` in which a blob is doomed. */
  async #lists(digest: Digest, newest: number): Promise<readonly SweepList[]> {
    const { epochs } = await this.waiting();
    const lists: SweepList[] = [];
    for (const epoch of epochs.filter((number) => number < newest)) {
      const list = this.in(epoch);
      if (await list.has({ digest, kind: "doomed" })) lists.push(list);
    }
    return lists;
  }

  async #names(): Promise<readonly string[]> {
    try {
      return await readdir(this.#directory);
    } catch (cause) {
      if (isMissingFile(cause)) return [];
      throw diskError("read content to remove", this.#directory, cause);
    }
  }
}
