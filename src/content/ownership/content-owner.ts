import { join } from "node:path";
import type { AbortOptions } from "../../async/abort.ts";
import { nextDelayMs } from "../../async/backoff.ts";
import { systemClock } from "../../async/clock.ts";
import { Rounds } from "../../async/rounds.ts";
import { waitOut } from "../../async/wait-patiently.ts";
import type { WaitOptions } from "../../async/waiting.ts";
import type { Digest } from "../../digest/digest.ts";
import { isCanceled, isDeadlineExceeded } from "../../errors/predicates.ts";
import { AfterWork } from "./after-work.ts";
import { ContentNeeds } from "./content-needs.ts";
import type { Referred } from "./document-references.ts";
import { DoomedContent } from "./doomed-content.ts";
import { NameReferences } from "./name-references.ts";
import { LEASE_BACKOFF, REMOVALS, RootLease, type Turn } from "./root-lease.ts";
import type { SweepEntry } from "./sweep-list.ts";
import { type NamespaceHolders, type OwnedBlobs, Sweeper, type SweptContent } from "./sweeper.ts";

/** Where an owner says what a person should know. */
export interface OwnerLogger {
  warn(fields: object, message: string): void;
}

/** What an owner works with. */
export interface ContentOwnerParts {
  /** The data root, with `index.json`, `locks` and `sweep`. */
  readonly root: string;
  readonly blobs: OwnedBlobs;
  /** Absent where no namespaces share the blobs. */
  readonly namespaces?: NamespaceHolders | undefined;
  /** Keeps a collector of somebody else's away while work goes on, where there is one. */
  readonly hold?: ((options: AbortOptions) => Promise<() => Promise<void>>) | undefined;
  readonly logger?: OwnerLogger | undefined;
  /** The root is only read: no share is taken, so that nobody waits for whoever reads. Default false. */
  readonly readOnly?: boolean | undefined;
}

/** What a sweep did for one who asked for it. */
export interface Swept {
  /** What is gone of what was found below the entries that it was called with. */
  readonly deleted: readonly Digest[];
  /** Whether content of these entries was left for later, because work is using the root. */
  readonly kept: boolean;
}

/** What one asks a sweep to look at first. */
type SweepCall = readonly SweepEntry[];

/** How content is deleted. */
export interface DeleteOptions extends AbortOptions {
  /**
   * Deletes also what a name or a namespace needs, and what work may be using.
   * @defaultValue `false`
   * @avoid unless a person has said so: whatever needs it is damaged then
   * @example force: true
   */
  readonly force?: boolean | undefined;
}

/** How a share is taken. */
export interface ShareOptions extends AbortOptions {
  /**
   * The caller sweeps when work that has not failed has given the share back, to learn what went.
   * @defaultValue `false`: the share does
   * @example callerSweeps: true
   */
  readonly callerSweeps?: boolean | undefined;
}

/** What nothing has to be done for. */
const CLAIMED: Promise<void> = Promise.resolve();

/**
 * The one who decides whether content of a root may be deleted: it knows what names, namespaces and running
 * work need, and every deletion asks it. Nothing that is referred to is deleted. What lost its references is
 * deleted when all work has ended that began before, in whatever process; work that began later and finds it
 * keeps it.
 */
export class ContentOwner {
  /** The data root. */
  readonly root: string;
  readonly #parts: ContentOwnerParts;
  readonly #lease: RootLease;
  readonly #doomed: DoomedContent;
  readonly #names: NameReferences;
  readonly #needs: ContentNeeds;
  readonly #sweeper: Sweeper;
  /** Whoever waits for the turn together is served by one sweep. */
  readonly #sweeps: Rounds<SweepCall, Swept>;
  readonly #onSwept = new Set<(deleted: readonly SweptContent[]) => void>();
  readonly #afterWork = new AfterWork();

  constructor(parts: ContentOwnerParts) {
    const { root, blobs, namespaces } = parts;
    this.root = root;
    this.#parts = parts;
    this.#lease = new RootLease(root);
    this.#doomed = new DoomedContent(root);
    this.#names = new NameReferences({
      indexPath: join(root, "index.json"),
      documents: blobs,
      onDamaged: (digest, err) => this.#warn({ digest, err }, "what this content needs cannot be read"),
    });
    this.#needs = new ContentNeeds({ names: this.#names, namespaces });
    this.#sweeper = new Sweeper({ blobs, namespaces, names: this.#names, doomed: this.#doomed });
    this.#sweeps = new Rounds((takeUp, signal) =>
      this.#lease.inTurn((turn) => this.#sweepFor(takeUp(), turn), { signal }),
    );
  }

  /**
   * Runs work that builds on content: what loses its references from now on stays until the work has ended.
   * Waits for what is removed then for a moment at most, and not at all when its signal has fired: the rest is
   * removed behind it, see `settle`. Throws as `RootLease.enter` does.
   */
  async share<T>(work: () => Promise<T>, options: ShareOptions = {}): Promise<T> {
    if (this.#parts.readOnly) return await work();
    const leave = await this.#enter(options);
    let callerSweeps = false;
    try {
      const result = await work();
      callerSweeps = options.callerSweeps ?? false;
      return result;
    } finally {
      await leave();
      if (!callerSweeps) await this.#sweepAfterWork(options);
    }
  }

  async #enter(options: ShareOptions): Promise<() => Promise<void>> {
    const leave = await this.#lease.enter(options);
    try {
      const letGo = await this.#parts.hold?.(options);
      return async () => {
        leave();
        await letGo?.();
      };
    } catch (error) {
      leave();
      throw error;
    }
  }

  /**
   * Resolves when nothing is removed any more behind work that has ended; whoever closes what the owner works with
   * waits for it. When the signal fires, what has not begun is left to later sweeps.
   */
  async settle(options: AbortOptions = {}): Promise<void> {
    await this.#afterWork.settle(options);
  }

  /**
   * Whoever in a share has called this, and then finds the blob, may rely on it: for content that lost its
   * references before the share was taken, and has not been deleted yet. Costs next to nothing where nothing
   * waits to be deleted; waits itself while the blob is being deleted. Throws `ErrCanceled`, or the classes of
   * `diskError`.
   */
  claim(digest: Digest, options: AbortOptions = {}): Promise<void> {
    const { newest } = this.#lease;
    return newest <= 0 ? CLAIMED : this.#claim(digest, newest, options);
  }

  async #claim(digest: Digest, newest: number, options: AbortOptions): Promise<void> {
    for (let attempt = 1; !(await this.#doomed.rescue(digest, newest)); attempt++) {
      // Whoever deletes it has the turn. When nobody has it, they were killed.
      if (await this.#lease.tryTurn(() => this.#doomed.revive(digest))) return;
      await systemClock.sleep(nextDelayMs(LEASE_BACKOFF, attempt) ?? 0, options);
    }
  }

  /** Does what `claim` does for content that is about to get a name, and for everything below it. */
  async claimBelow(target: Referred, options: AbortOptions = {}): Promise<void> {
    const { epochs } = await this.#doomed.waiting();
    if (epochs.length === 0) return;
    await this.claim(target.digest, options);
    for (const digest of await this.below(target)) await this.claim(digest, options);
  }

  /**
   * Calls `listener`, which must not throw, with what every sweep deleted, until the function returned is
   * called.
   */
  onSwept(listener: (deleted: readonly SweptContent[]) => void): () => void {
    this.#onSwept.add(listener);
    return () => this.#onSwept.delete(listener);
  }

  /**
   * Remembers content that is about to lose what refers to it: before the reference goes, so that a process
   * that is killed in between leaves nothing that nobody knows of. The caller has a share until the reference
   * has gone, because a sweep that runs meanwhile finds it still there.
   */
  async remember(entry: SweepEntry): Promise<void> {
    await this.#doomed.fresh.add(entry);
  }

  /**
   * Deletes what is remembered and what nothing refers to, `mine` first. Waits for other removals, not for
   * work: what work may be using goes when the work has ended; so does everything when the signal fires.
   */
  async sweep(mine: readonly SweepEntry[], { signal, waiter }: WaitOptions = {}): Promise<Swept> {
    for (const entry of mine) await this.remember(entry); // somebody else's sweep may have looked too early
    try {
      return await waitOut(this.#sweeps.run(mine, { signal }), { reason: REMOVALS, waiter });
    } catch (error) {
      if (isCanceled(error) || isDeadlineExceeded(error)) return { deleted: [], kept: true };
      throw error;
    }
  }

  /**
   * Deletes a blob. Throws `ErrFailedPrecondition`, naming the image or the namespace, when it is needed.
   * Returns whether it was there. With work in the root it goes when the work has ended.
   */
  async delete(digest: Digest, { force = false, signal }: DeleteOptions = {}): Promise<boolean> {
    if (force) return await this.#discard(digest);
    await this.#needs.refuseNeeded(digest);
    if (!(await this.#parts.blobs.has(digest))) return false;
    await this.sweep([{ digest, kind: "blob", name: "" }], { signal });
    await this.#needs.refuseNeeded(digest); // it may have got a name in between
    return true;
  }

  /**
   * The digests of `target` and of everything below it, whether or not it is there. Damaged documents are
   * passed over.
   */
  below(target: Referred): Promise<ReadonlySet<Digest>> {
    return this.#names.reach([target]);
  }

  /**
   * Whether a name or a namespace needs content, as things are now. Throws as `NameReferences.roots` does.
   */
  async needs(): Promise<(digest: Digest) => Promise<boolean>> {
    return await this.#needs.needs();
  }

  /**
   * Whether a name leads to content, needed as a blob or not: what is remembered about it is of use. Throws as
   * `NameReferences.roots` does.
   */
  async mentions(): Promise<(digest: Digest) => boolean> {
    return await this.#needs.mentions();
  }

  /** Whether a blob is there, for housekeeping: nobody may rely on the answer. */
  has(digest: Digest): Promise<boolean> {
    return this.#parts.blobs.has(digest);
  }

  /** What lost a reference and waits to be deleted if it has no other. */
  async remembered(): Promise<ReadonlySet<Digest>> {
    const { epochs } = await this.#doomed.waiting();
    const found = new Set<Digest>();
    for (const list of [this.#doomed.fresh, ...epochs.map((epoch) => this.#doomed.in(epoch))]) {
      for (const { digest, kind } of await list.marks()) {
        if (kind === "row") continue; // what is only so may have been there before
        const all = kind === "graph" ? await this.below({ digest }) : [digest];
        for (const each of all) found.add(each);
      }
    }
    return found;
  }

  /**
   * Deletes what is remembered, and those of `digests` that nothing refers to, as soon as all work has ended
   * that is running now. Returns what deletes what can be deleted by then, and resolves to whether that is all.
   */
  async condemn(
    digests: readonly Digest[],
    options: WaitOptions = {},
  ): Promise<(options?: WaitOptions) => Promise<boolean>> {
    const epoch = await this.#lease.inTurn((turn) => this.#sweeper.doom(turn, digests), options);
    return (again = {}) =>
      this.#lease.inTurn(async (turn) => {
        const hasEnded = turn.ended() >= epoch;
        const { deleted } = await this.#sweeper.sweep(turn, []);
        this.#tell(deleted);
        return hasEnded;
      }, again);
  }

  /** Sweeps for all who wait; what two of them found below their entries was deleted for the first. */
  async #sweepFor(
    calls: readonly SweepCall[],
    turn: Turn,
  ): Promise<ReadonlyArray<PromiseSettledResult<Swept>>> {
    const { deleted, unneeded } = await this.#sweeper.sweep(turn, calls.flat());
    this.#tell(deleted);
    const unclaimed = new Set(deleted.map(({ digest }) => digest));
    const left = await this.#doomed.digests();
    return calls.map((entries) => {
      const found = new Set(entries.flatMap((entry) => [...(unneeded.get(entry) ?? [])]));
      const mine = [...unclaimed].filter((digest) => found.has(digest));
      for (const digest of mine) unclaimed.delete(digest);
      const kept = [...found].some((digest) => left.has(digest));
      return { status: "fulfilled", value: { deleted: mine, kept } };
    });
  }

  async #discard(digest: Digest): Promise<boolean> {
    const release = await this.#parts.namespaces?.lock(digest);
    try {
      return await this.#parts.blobs.discard(digest);
    } finally {
      release?.();
    }
  }

  async #sweepAfterWork(options: AbortOptions): Promise<void> {
    await this.#quietly(async () => {
      const { hasFresh, epochs } = await this.#doomed.waiting();
      if (!hasFresh && epochs.length === 0) return;
      await this.#afterWork.run((signal) => this.#quietly(() => this.#sweepIfDue(signal)), options);
    });
  }

  /**
   * Asked in turn: two that leave at the same time would take each other's look at the epoch for work, and neither would sweep. So the
   * last one to look sees that all have left.
   */
  async #sweepIfDue(signal: AbortSignal): Promise<void> {
    try {
      await this.#lease.inTurn(
        async (turn) => {
          if (await this.#sweeper.isDue(turn)) await this.#sweepFor([], turn);
        },
        { signal },
      );
    } catch (error) {
      if (!isCanceled(error) && !isDeadlineExceeded(error)) throw error;
    }
  }

  /** After work: nobody waits for what this finds wrong, and nobody's work failed with it. */
  async #quietly(step: () => Promise<unknown>): Promise<void> {
    try {
      await step();
    } catch (err) {
      this.#warn({ err }, "content that nothing refers to cannot be removed");
    }
  }

  #tell(deleted: readonly SweptContent[]): void {
    for (const listener of this.#onSwept) listener(deleted);
  }

  #warn(fields: object, message: string): void {
    this.#parts.logger?.warn(fields, message);
  }
}
