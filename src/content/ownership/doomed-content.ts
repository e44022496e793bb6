import { existsSync, readdirSync } from "node:fs";
import { mkdir, rm, rmdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Digest } from "../../digest/digest.ts";
import { diskError, isMissingFile } from "../../disk/disk-error.ts";
import { freeOn } from "../../disk/disk-reserve.ts";
import { codeOf } from "../../errors/code-of.ts";
import { isCondemned, SweepList } from "./sweep-list.ts";

const EPOCH = /^(?:0|[1-9]\d{0,14})$/;

/** Files that are held while marks are made: an epoch's, those of locks, and SQLite's side files. */
const ROOM: readonly string[] = Array.from({ length: 10 }, (_, number) => `room-${number}`);

/** With room for so many files no marks take all of it. */
const MANY_FILES = 200_000;

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

  constructor(root: string) {
    this.#directory = join(root, "sweep");
    this.fresh = new SweepList(this.#directory);
  }

  /** What waits. One reading of one directory, which mostly is empty. Throws the classes of `diskError`. */
  async waiting(): Promise<Waiting> {
    const names = this.#names();
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
      const code = codeOf(cause);
      if (isMissingFile(cause) || code === "ENOTEMPTY" || code === "EEXIST") return;
      throw diskError("forget content to remove", path, cause);
    }
  }

  /**
   * Runs `work`, which may take all files that the disk has room for, but not those that are needed to begin an epoch and to
   * delete: without these nothing is ever freed. What a killed process held is given back by the next one.
   */
  async keepingRoom(work: () => Promise<void>): Promise<void> {
    const paths = (await this.#isShort()) ? ROOM.map((name) => join(this.#directory, name)) : [];
    if (paths.length > 0) await mkdir(this.#directory).catch(() => {}); // mostly it is there
    await Promise.allSettled(paths.map((path) => writeFile(path, "")));
    try {
      await work();
    } finally {
      for (const path of paths) await rm(path, { force: true }).catch(() => {}); // the next step says what is wrong
    }
  }

  async #isShort(): Promise<boolean> {
    try {
      if (this.#names().some((name) => ROOM.includes(name))) return true;
      return (await freeOn(dirname(this.#directory))).freeFiles < MANY_FILES;
    } catch {
      return false;
    }
  }

  /** The blobs that are doomed, in whatever epoch. Any of them may be rescued meanwhile. */
  async digests(): Promise<Set<Digest>> {
    const found = new Set<Digest>();
    for (const epoch of (await this.waiting()).epochs) {
      for (const mark of await this.in(epoch).marks()) {
        if (isCondemned(mark)) found.add(mark.digest);
      }
    }
    return found;
  }

  /**
   * Keeps a blob for work of epoch `newest`: where it is doomed in an epoch before, that is taken back. Whoever
   * was told that this is so, and then finds the blob, may rely on it. Returns `false` while the blob is being
   * deleted. Throws the classes of `diskError`.
   */
  async rescue(digest: Digest, newest: number): Promise<boolean> {
    const { epochs } = await this.waiting();
    let isSettled = true;
    for (const epoch of epochs.filter((number) => number < newest)) {
      const list = this.in(epoch);
      const doomed = { digest, kind: "doomed" } as const;
      // One renaming decides between whoever wants it and whoever deletes it.
      if (await list.has(doomed)) await list.move(doomed, { list: this.fresh, kind: "blob" });
      if (await list.has({ digest, kind: "dying" })) isSettled = false;
    }
    return isSettled;
  }

  /** Takes back the deletion of a blob by a sweep that was killed. The caller has the turn. */
  async revive(digest: Digest): Promise<void> {
    for (const epoch of (await this.waiting()).epochs) {
      await this.in(epoch).move({ digest, kind: "dying" }, { list: this.fresh, kind: "blob" });
    }
  }

  /** At once: every look at a blob asks for them, and mostly there are none. */
  #names(): readonly string[] {
    if (!existsSync(this.#directory)) return [];
    try {
      return readdirSync(this.#directory);
    } catch (cause) {
      if (isMissingFile(cause)) return [];
      throw diskError("read content to remove", this.#directory, cause);
    }
  }
}
