import { basename, dirname, join } from "node:path";
import type { AbortOptions } from "../async/abort.ts";
import { KeyedLock } from "../async/keyed-lock.ts";
import { Rounds } from "../async/rounds.ts";
import { waitOut } from "../async/wait-patiently.ts";
import type { WaitOptions } from "../async/waiting.ts";
import { lockFile } from "../disk/file-lock.ts";
import { makeLockDirectory } from "../disk/make-directory.ts";
import { sweepTemporaryFiles } from "../disk/temporary-files.ts";
import { isResourceExhausted } from "../errors/predicates.ts";
import type { IndexEntry } from "./index-entry.ts";
import { readIndexFile, writeIndexFile } from "./index-file.ts";
import type { NamesSeen } from "./names-seen.ts";

/** Entries after a change, and what the caller gets for it. */
interface Edited<T> {
  /** The very entries that it was given say that nothing changes. */
  readonly entries: readonly IndexEntry[];
  readonly result: T;
  /** What has to be done before it is written; what this throws fails the change. */
  readonly beforehand?: (() => Promise<void>) | undefined;
}

/** Turns the entries before a change into those after it. May be asked again, with other entries, when writing failed. */
export type Edit<T> = (entries: readonly IndexEntry[]) => Edited<T>;

type Outcome = PromiseSettledResult<unknown>;
type Outcomes = readonly Outcome[];

/** What people are shown while others change names. */
const REASON = { code: "names", words: "Waiting for changes of names" } as const;

/**
 * Changes of `index.json`, under a lock that holds across processes. Those that wait together for the lock are one reading and
 * one atomic writing, in the order in which they came; each has its own result or error.
 */
export class IndexChanges {
  readonly #path: string;
  readonly #written: readonly string[];
  readonly #root: string;
  readonly #lockPath: string;
  readonly #rounds: Rounds<Edit<unknown>, unknown>;
  /** Whose turn it is in this process to read what it sees, or to change it. */
  readonly #turn = new KeyedLock();
  #seen: NamesSeen | undefined;

  /**
   * @param path where `index.json` of a data root is
   * @param beside names of files beside it that are written under the same lock
   */
  constructor(path: string, beside: readonly string[] = []) {
    this.#path = path;
    this.#written = [basename(path), ...beside];
    this.#root = dirname(path);
    this.#lockPath = join(this.#root, "locks", "index");
    this.#rounds = new Rounds((takeUp, signal) =>
      this.whileLocked(async () => await this.#apply(takeUp()), { signal }),
    );
  }

  /**
   * Makes one change. Rejects with what the edit throws, with `ErrCanceled` when the signal fires before the lock is there, and
   * as `readIndexFile` and `writeIndexFile` do.
   */
  async change<T>(edit: Edit<T>, { waiter, ...options }: WaitOptions): Promise<T> {
    const changing = waitOut(this.#rounds.run(edit, options), { reason: REASON, waiter });
    return (await changing) as T; // what this edit returned
  }

  /** From now on `seen` is shown what the index is like, by every look and every change. */
  showTo(seen: NamesSeen | undefined): void {
    this.#seen = seen;
  }

  /** Reads the index while nobody of this process changes it, to see what others have done. Throws as `readIndexFile` does. */
  async look(): Promise<void> {
    await this.#alone(async () => this.#seen?.seen((await readIndexFile(this.#path)).entries));
  }

  /** Runs work while nobody else changes the index. */
  async whileLocked<T>(work: () => Promise<T>, { signal }: AbortOptions): Promise<T> {
    await makeLockDirectory(dirname(this.#lockPath));
    const unlock = await lockFile(this.#lockPath, { signal });
    try {
      await sweepTemporaryFiles(this.#root, { unwritten: this.#written }); // who has the lock knows that nobody writes now
      return await work();
    } finally {
      unlock();
    }
  }

  /** Never throws: the outcomes say it. */
  async #apply(edits: ReadonlyArray<Edit<unknown>>): Promise<Outcomes> {
    try {
      return await this.#alone(() => this.#changed(edits));
    } catch (reason) {
      if (edits.length === 1 || !isResourceExhausted(reason))
        return edits.map(() => ({ status: "rejected", reason }));
    }
    return await this.#applyEach(edits); // one of them may ask for more than there is, and the others for less
  }

  async #changed(edits: ReadonlyArray<Edit<unknown>>): Promise<Outcomes> {
    const before = await readIndexFile(this.#path);
    this.#seen?.seen(before.entries);
    const { entries, outcomes } = await edited(before.entries, edits);
    if (entries !== before.entries) {
      await writeIndexFile(this.#path, { ...before, entries });
      this.#seen?.wrote(entries);
    }
    return outcomes;
  }

  async #alone<T>(work: () => Promise<T>): Promise<T> {
    const release = await this.#turn.acquire(this.#path);
    try {
      return await work();
    } finally {
      release();
    }
  }

  async #applyEach(edits: ReadonlyArray<Edit<unknown>>): Promise<Outcomes> {
    const outcomes: Outcome[] = [];
    for (const edit of edits) outcomes.push(...(await this.#apply([edit])));
    return outcomes;
  }
}

/** The entries after all edits; one that fails changes nothing. */
async function edited(before: readonly IndexEntry[], edits: ReadonlyArray<Edit<unknown>>) {
  const outcomes: Outcome[] = [];
  let entries = before;
  for (const edit of edits) {
    try {
      const after = edit(entries);
      await after.beforehand?.();
      entries = after.entries;
      outcomes.push({ status: "fulfilled", value: after.result });
    } catch (reason) {
      outcomes.push({ status: "rejected", reason });
    }
  }
  return { entries, outcomes };
}
