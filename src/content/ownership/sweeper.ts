import type { Release } from "../../async/keyed-lock.ts";
import type { Digest } from "../../digest/digest.ts";
import type { DoomedContent } from "./doomed-content.ts";
import type { DocumentSource, NameReferences } from "./name-references.ts";
import type { Turn } from "./root-lease.ts";
import type { SweepEntry, SweepList } from "./sweep-list.ts";

/** What namespaces know about who has a blob. */
export interface NamespaceHolders {
  /** A namespace that has the blob; `undefined` when none does. */
  holder(digest: Digest): Promise<string | undefined>;
  /** Whether a namespace has the blob, or it was there before any had it. */
  isKnown(digest: Digest): Promise<boolean>;
  /** Forgets that a blob was there before any namespace had it, because what brought it is gone. */
  disown(digest: Digest): Promise<void>;
  /** Keeps everybody else from adding the blob to a namespace. The caller releases it. */
  lock(digest: Digest): Promise<Release>;
}

/** What an owner looks after. */
export interface OwnedBlobs extends DocumentSource {
  /** Whether a blob is there, whatever it holds. */
  has(digest: Digest): Promise<boolean>;
  /** Removes a blob, whoever needs it. Returns whether it was there. */
  discard(digest: Digest): Promise<boolean>;
}

/** Content that is gone, and the name that it had; empty when that is not known. */
export interface SweptContent {
  readonly digest: Digest;
  readonly name: string;
}

/** What a sweeper works with. */
export interface SweeperParts {
  readonly blobs: OwnedBlobs;
  readonly namespaces?: NamespaceHolders | undefined;
  readonly names: NameReferences;
  readonly doomed: DoomedContent;
}

/** What one sweep did. */
export interface SweepOutcome {
  readonly deleted: readonly SweptContent[];
  /** By entry that it was called with: what was found below and had no reference, deleted or doomed. */
  readonly unneeded: ReadonlyMap<SweepEntry, ReadonlySet<Digest>>;
}

/**
 * Passes of one sweep. The first one may show that work left more behind than was known when it was still
 * running, and deletions make room for what a full disk could not take; the next sweep finds the rest.
 */
const MAX_PASSES = 4;

/** Deletes what lost its references, once nobody can rely on it any more. Each call has the turn. */
export class Sweeper {
  readonly #parts: SweeperParts;

  constructor(parts: SweeperParts) {
    this.#parts = parts;
  }

  /**
   * Dooms everything that lost its reference and has no other, `mine` first, and deletes what is doomed in
   * epochs that have ended.
   */
  async sweep(turn: Turn, mine: readonly SweepEntry[]): Promise<SweepOutcome> {
    const deleted: SweptContent[] = [];
    const unneeded = new Map(mine.map((entry) => [entry, new Set<Digest>()]));
    for (let pass = 0; pass < MAX_PASSES; pass++) {
      await this.#doomFresh(turn, unneeded);
      const before = deleted.length;
      const isMore = await this.#free(turn, deleted);
      const { hasFresh } = await this.#parts.doomed.waiting();
      if (!hasFresh || (!isMore && deleted.length === before)) break;
    }
    return { deleted, unneeded };
  }

  /** Dooms blobs that never had a reference, those of `digests` that have none. Returns the epoch to wait for. */
  async doom(turn: Turn, digests: readonly Digest[]): Promise<number> {
    await this.#doomFresh(turn, new Map());
    const epoch = turn.current();
    const named = await this.#named();
    for (const digest of digests) {
      const entry: SweepEntry = { digest, kind: "blob", name: "" };
      if (await this.#isFree(entry, named)) await this.#doomBlob(epoch, entry);
    }
    turn.moveOn(epoch);
    return epoch;
  }

  /** Adds to each entry of `mine` what was unneeded below it. */
  async #doomFresh(turn: Turn, mine: ReadonlyMap<SweepEntry, Set<Digest>>): Promise<void> {
    const { doomed } = this.#parts;
    const own = [...mine.keys()];
    const fresh = await doomed.fresh.list();
    const others = fresh.filter((entry) => !own.some((each) => isSame(each, entry)));
    if (own.length + others.length > 0) {
      const named = await this.#named();
      const epoch = turn.current();
      for (const [entry, unneeded] of mine) {
        for (const digest of await this.#doomEntry(epoch, entry, named)) unneeded.add(digest);
      }
      for (const entry of others) await this.#doomEntry(epoch, entry, named);
    }
    // Only now: work of the next epoch must find everything that is doomed in this one.
    const last = (await doomed.waiting()).epochs.at(-1) ?? -1;
    if (last >= turn.current()) turn.moveOn(last);
  }

  /**
   * Children before parents: what a killed sweep leaves can still be found from the top. The entry itself waits
   * for the epoch's end as well, because work that runs may take references away, and bring content below.
   */
  async #doomEntry(epoch: number, entry: SweepEntry, named: ReadonlySet<Digest>): Promise<readonly Digest[]> {
    const { doomed } = this.#parts;
    const unneeded: Digest[] = [];
    for (const digest of await this.#below(entry)) {
      const own = { ...entry, digest };
      if (!(await this.#isFree(own, named))) continue;
      if (!(await this.#doomBlob(epoch, own))) return unneeded; // a full disk: once there is room
      unneeded.push(digest);
    }
    const isSettled = entry.kind !== "graph" && unneeded.length > 0;
    await doomed.fresh.move(entry, { list: doomed.in(epoch), kind: isSettled ? "doomed" : entry.kind });
    return unneeded;
  }

  async #doomBlob(epoch: number, { digest, name }: SweepEntry): Promise<boolean> {
    const { doomed } = this.#parts;
    return (await doomed.has(digest)) || (await doomed.in(epoch).add({ digest, kind: "doomed", name }));
  }

  /** Deletes what is doomed where all work has ended. Returns whether there is more to look at. */
  async #free(turn: Turn, deleted: SweptContent[]): Promise<boolean> {
    const { doomed } = this.#parts;
    const { epochs } = await doomed.waiting();
    if (epochs.length === 0) return false;
    const ended = turn.ended();
    const over = epochs.filter((epoch) => epoch <= ended);
    if (over.length === 0) return false;
    // Only now: what the work of these epochs has named is to be seen, and all that is named later was rescued first.
    const named = await this.#named();
    let isMore = false;
    for (const epoch of over) isMore = (await this.#lookAgain(doomed.in(epoch), named)) || isMore;
    for (const epoch of over) {
      const list = doomed.in(epoch);
      for (const entry of await list.list()) {
        if (entry.kind !== "doomed") continue;
        if (await this.#freeBlob(list, entry, named))
          deleted.push({ digest: entry.digest, name: entry.name });
      }
      await doomed.close(epoch);
    }
    return isMore;
  }

  /** Looks at what was needed, or not there yet, while work was running. Returns whether any of it has to go. */
  async #lookAgain(list: SweepList, named: ReadonlySet<Digest>): Promise<boolean> {
    let isAny = false;
    for (const entry of await list.list()) {
      if (entry.kind === "doomed") continue;
      const unneeded = await this.#unneededBelow(entry, named);
      let isNoted = true;
      for (const digest of unneeded) {
        const own: SweepEntry = { digest, kind: "blob", name: entry.name };
        isNoted = (await this.#parts.doomed.fresh.add(own)) && isNoted;
      }
      if (isNoted) await list.remove(entry);
      isAny ||= unneeded.length > 0;
    }
    return isAny;
  }

  async #unneededBelow(entry: SweepEntry, named: ReadonlySet<Digest>): Promise<readonly Digest[]> {
    const { doomed, namespaces } = this.#parts;
    const unneeded: Digest[] = [];
    for (const digest of await this.#below(entry)) {
      // What a name brought was there before a namespace had it; without the name, it is the namespace's alone.
      if (entry.kind !== "row" && !named.has(digest)) await namespaces?.disown(digest);
      const isFree = await this.#isFree({ ...entry, digest }, named);
      if (isFree && !(await doomed.has(digest))) unneeded.push(digest);
    }
    return unneeded;
  }

  /** Returns whether the blob is gone by this call. */
  async #freeBlob(list: SweepList, entry: SweepEntry, named: ReadonlySet<Digest>): Promise<boolean> {
    const { digest } = entry;
    const { blobs, namespaces, doomed } = this.#parts;
    const releaseNamespaces = await namespaces?.lock(digest);
    try {
      const release = await doomed.lock(digest);
      try {
        if (!(await list.has(entry))) return false; // it was rescued
        const isGone = !named.has(digest) && (await this.#isUnheld(digest)) && (await blobs.discard(digest));
        await list.remove(entry);
        return isGone;
      } finally {
        release();
      }
    } finally {
      releaseNamespaces?.();
    }
  }

  async #isUnheld(digest: Digest): Promise<boolean> {
    const { namespaces } = this.#parts;
    await namespaces?.disown(digest);
    return (await namespaces?.holder(digest)) === undefined;
  }

  /** Whether a blob is there and has no reference, as far as can be seen. */
  async #isFree({ digest, kind }: SweepEntry, named: ReadonlySet<Digest>): Promise<boolean> {
    const { blobs, namespaces } = this.#parts;
    if (named.has(digest) || !(await blobs.has(digest))) return false;
    if (kind === "row") return !(await namespaces?.isKnown(digest));
    return (await namespaces?.holder(digest)) === undefined;
  }

  async #below({ digest, kind }: SweepEntry): Promise<readonly Digest[]> {
    if (kind !== "graph") return [digest];
    return [...(await this.#parts.names.reach([{ digest }]))].toReversed();
  }

  async #named(): Promise<ReadonlySet<Digest>> {
    const { names } = this.#parts;
    return await names.reach(await names.roots());
  }
}

function isSame(a: SweepEntry, b: SweepEntry): boolean {
  return a.digest === b.digest && a.kind === b.kind;
}
