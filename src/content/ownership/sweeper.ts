import { forEachWithin } from "../../async/for-each-within.ts";
import type { Release } from "../../async/keyed-lock.ts";
import type { Digest } from "../../digest/digest.ts";
import type { DoomedContent, Waiting } from "./doomed-content.ts";
import type { DocumentSource, NameReferences } from "./name-references.ts";
import type { Epochs, Turn } from "./root-lease.ts";
import { isCondemned, type SweepEntry, type SweepList } from "./sweep-list.ts";

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
  /** What was found below each entry that it was called with and had no reference: deleted, or doomed. */
  readonly unneeded: ReadonlyMap<SweepEntry, ReadonlySet<Digest>>;
}

/**
 * Passes of one sweep. The first one may show that work left more behind than was known when it was still
 * running, and deletions make room for what a full disk could not take; the next sweep finds the rest.
 */
const MAX_PASSES = 4;

/**
 * Epochs whose end is waited for: whoever wants a blob looks into each. With more of them, as beside work that
 * takes hours, the present one goes on until one has ended.
 */
const MAX_WAITING_EPOCHS = 8;

/** Blobs that are deleted at once. */
const MAX_DELETIONS = 4;

/** Whether something is doomed in the present epoch, which has to end, and the next one may begin. */
function lacksNextEpoch({ epochs }: Waiting, current: number): boolean {
  return (epochs.at(-1) ?? -1) >= current && epochs.length <= MAX_WAITING_EPOCHS;
}

/** What one look at what lost its references goes by. */
interface Look {
  readonly epoch: number;
  readonly named: ReadonlySet<Digest>;
  /** Grows with the look. */
  readonly doomed: Set<Digest>;
}

/** What the look at the end of epochs goes by. */
interface SecondLook {
  readonly named: ReadonlySet<Digest>;
  /** What is doomed. */
  readonly known: ReadonlySet<Digest>;
  /** Grows with the look: the name that content had. */
  readonly names: Map<Digest, string>;
}

/** Deletes what lost its references, once nobody can rely on it any more. Each call has the turn. */
export class Sweeper {
  readonly #parts: SweeperParts;

  constructor(parts: SweeperParts) {
    this.#parts = parts;
  }

  /**
   * Dooms everything that lost its reference and has no other, `mine` first, and deletes what is doomed in
   * epochs that have ended. Whoever leaves an epoch before this returns needs no sweep of their own.
   */
  async sweep(turn: Turn, mine: readonly SweepEntry[]): Promise<SweepOutcome> {
    const deleted: SweptContent[] = [];
    const unneeded = new Map(mine.map((entry) => [entry, new Set<Digest>()]));
    for (let pass = 0; pass < MAX_PASSES; pass++) {
      await this.#doomFresh(turn, unneeded);
      deleted.push(...(await this.#free(turn)));
      await this.#moveOn(turn); // now that there may be room for another epoch
      if (!(await this.isDue(turn))) break;
    }
    return { deleted, unneeded };
  }

  /** Whether a sweep would find something to do. */
  async isDue(epochs: Epochs): Promise<boolean> {
    const waiting = await this.#parts.doomed.waiting();
    if (waiting.hasFresh) return true;
    const [oldest] = waiting.epochs;
    if (oldest === undefined) return false;
    return lacksNextEpoch(waiting, epochs.current()) || oldest <= epochs.ended();
  }

  /** Dooms blobs that never had a reference, those of `digests` that have none. Returns the epoch to wait for. */
  async doom(turn: Turn, digests: readonly Digest[]): Promise<number> {
    await this.#doomFresh(turn, new Map());
    const look = await this.#look(turn);
    await this.#parts.doomed.keepingRoom(async () => {
      for (const digest of digests) {
        const entry: SweepEntry = { digest, kind: "blob", name: "" };
        if (await this.#isFree(entry, look.named)) await this.#doomBlob(digest, look);
      }
    });
    turn.moveOn(look.epoch);
    return look.epoch;
  }

  async #look(turn: Turn): Promise<Look> {
    return { epoch: turn.current(), named: await this.#named(), doomed: await this.#parts.doomed.digests() };
  }

  async #doomFresh(turn: Turn, mine: ReadonlyMap<SweepEntry, Set<Digest>>): Promise<void> {
    const own = [...mine.keys()];
    const fresh = await this.#parts.doomed.fresh.list();
    const others = fresh.filter((entry) => !own.some((each) => isSame(each, entry)));
    if (own.length + others.length > 0) {
      const look = await this.#look(turn);
      await this.#parts.doomed.keepingRoom(async () => {
        for (const [entry, unneeded] of mine) await this.#doomEntry(entry, look, unneeded);
        for (const entry of others) await this.#doomEntry(entry, look, new Set());
      });
    }
    await this.#moveOn(turn); // only now: work of the next epoch must find everything that is doomed in this one
  }

  async #moveOn(turn: Turn): Promise<void> {
    const waiting = await this.#parts.doomed.waiting();
    if (lacksNextEpoch(waiting, turn.current())) turn.moveOn(waiting.epochs.at(-1) ?? 0);
  }

  /**
   * Children before parents: what a killed sweep leaves can still be found from the top. The entry itself waits
   * for the epoch's end as well, because work that runs may take references away, and bring content below.
   */
  async #doomEntry(entry: SweepEntry, look: Look, unneeded: Set<Digest>): Promise<void> {
    const { doomed } = this.#parts;
    let isAny = false;
    for (const digest of await this.#below(entry)) {
      if (!(await this.#isFree({ ...entry, digest }, look.named))) continue;
      if (!(await this.#doomBlob(digest, look))) return; // a full disk: once there is room
      unneeded.add(digest);
      isAny = true;
    }
    const isSettled = entry.kind !== "graph" && isAny;
    const kind = isSettled ? "doomed" : entry.kind;
    await doomed.fresh.move(entry, { list: doomed.in(look.epoch), kind });
  }

  /** An empty file, for which a full disk has room; whose it was, the entry tells that goes the same way. */
  async #doomBlob(digest: Digest, { epoch, doomed }: Look): Promise<boolean> {
    if (doomed.has(digest)) return true;
    const isDoomed = await this.#parts.doomed.in(epoch).add({ digest, kind: "doomed", name: "" });
    if (isDoomed) doomed.add(digest);
    return isDoomed;
  }

  /** Deletes what is doomed where all work has ended. */
  async #free(turn: Turn): Promise<readonly SweptContent[]> {
    const { doomed } = this.#parts;
    const { epochs } = await doomed.waiting();
    if (epochs.length === 0) return [];
    const ended = turn.ended();
    const over = epochs.filter((epoch) => epoch <= ended);
    if (over.length === 0) return [];
    // Only now: what the work of these epochs has named is to be seen, and all that is named later was rescued first.
    const named = await this.#named();
    const known = await doomed.digests();
    const names = new Map<Digest, string>();
    for (const epoch of over) await this.#lookAgain(doomed.in(epoch), { named, known, names });
    const deleted: SweptContent[] = [];
    for (const epoch of over) {
      const list = doomed.in(epoch);
      const entries = (await list.list()).filter(isCondemned);
      const free = async (entry: SweepEntry): Promise<void> => {
        const { digest, name } = entry;
        const isGone = await this.#freeBlob(list, entry, named);
        if (isGone) deleted.push({ digest, name: name === "" ? (names.get(digest) ?? "") : name });
      };
      await forEachWithin(entries, free, { limit: MAX_DELETIONS });
      await doomed.close(epoch);
    }
    return deleted;
  }

  /** Looks at what was needed, or not there yet, while work was running. */
  async #lookAgain(list: SweepList, second: SecondLook): Promise<void> {
    for (const entry of await list.list()) {
      if (isCondemned(entry)) continue;
      let isNoted = true;
      for (const digest of await this.#unneededBelow(entry, second)) {
        if (second.known.has(digest)) continue;
        const own: SweepEntry = { digest, kind: "blob", name: entry.name };
        isNoted = (await this.#parts.doomed.fresh.add(own)) && isNoted;
      }
      if (isNoted) await list.remove(entry);
    }
  }

  async #unneededBelow(entry: SweepEntry, { named, names }: SecondLook): Promise<readonly Digest[]> {
    const unneeded: Digest[] = [];
    for (const digest of await this.#below(entry)) {
      if (entry.name !== "") names.set(digest, entry.name);
      // What a name brought was there before a namespace had it; without the name, it is the namespace's alone.
      if (entry.kind !== "row" && !named.has(digest)) await this.#parts.namespaces?.disown(digest);
      if (await this.#isFree({ ...entry, digest }, named)) unneeded.push(digest);
    }
    return unneeded;
  }

  /** Returns whether the blob is gone by this call. */
  async #freeBlob(list: SweepList, entry: SweepEntry, named: ReadonlySet<Digest>): Promise<boolean> {
    const { digest } = entry;
    const { blobs, namespaces } = this.#parts;
    const release = await namespaces?.lock(digest);
    try {
      const wasDoomed = entry.kind === "dying" || (await list.move(entry, { list, kind: "dying" }));
      if (!wasDoomed) return false; // it was rescued
      const isGone = !named.has(digest) && (await this.#isUnheld(digest)) && (await blobs.discard(digest));
      await list.remove({ digest, kind: "dying" });
      return isGone;
    } finally {
      release?.();
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
