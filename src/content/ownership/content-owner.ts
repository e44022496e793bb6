import { join } from "node:path";
import type { AbortOptions } from "../../async/abort.ts";
import type { Release } from "../../async/keyed-lock.ts";
import type { Digest } from "../../digest/digest.ts";
import { ErrFailedPrecondition } from "../../errors/classes.ts";
import { isCanceled, isDeadlineExceeded } from "../../errors/predicates.ts";
import type { Referred } from "./document-references.ts";
import { type DocumentSource, NameReferences } from "./name-references.ts";
import { RootLease, type ShareOptions } from "./root-lease.ts";
import { type SweepEntry, SweepList } from "./sweep-list.ts";

/** What namespaces know about who has a blob. */
export interface NamespaceHolders {
  /** A namespace that has the blob; `undefined` when none does. */
  holder(digest: Digest): Promise<string | undefined>;
  /** Forgets that a blob was there before any namespace had it, because what brought it is gone. */
  disown(digest: Digest): Promise<void>;
  /** Keeps everybody else from adding the blob to a namespace. The caller releases it. */
  lock(digest: Digest): Promise<Release>;
}

/** What an owner looks after. */
export interface OwnedBlobs extends DocumentSource {
  /** Removes a blob, whoever needs it. Returns whether it was there. */
  discard(digest: Digest): Promise<boolean>;
}

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
  readonly logger?: OwnerLogger | undefined;
}

/** Content that is gone, and the entry that it was found by. */
export interface SweptContent {
  readonly digest: Digest;
  readonly of: SweepEntry;
}

/** What a sweep did. */
export interface Swept {
  readonly deleted: readonly SweptContent[];
  /** Whether content was left for later, because work is using the root. */
  readonly kept: boolean;
}

/** How content is deleted. */
export interface DeleteOptions extends AbortOptions {
  /** Deletes also what a name or a namespace needs, and what work may be using. Default false. */
  readonly force?: boolean | undefined;
}

/** What may go, when nobody else is in the root. */
export interface FreeContent {
  /** Whether a name or a namespace needs the content. */
  isNeeded(digest: Digest): Promise<boolean>;
  /** Removes content that nobody needs; returns whether it is gone now. */
  free(digest: Digest): Promise<boolean>;
  /** What is remembered because it lost what referred to it, and everything below. */
  readonly remembered: ReadonlySet<Digest>;
}

/**
 * The one who decides whether content of a root may be deleted: it knows what names, namespaces and running
 * work need, and every deletion asks it. Nothing that is referred to is deleted. What cannot be deleted yet,
 * because work is using the root, is remembered on disk, and swept by whoever leaves the root last, in
 * whatever process.
 */
export class ContentOwner {
  /** The data root. */
  readonly root: string;
  readonly #parts: ContentOwnerParts;
  readonly #lease: RootLease;
  readonly #list: SweepList;
  readonly #names: NameReferences;
  readonly #onSwept = new Set<(deleted: readonly SweptContent[]) => void>();

  constructor(parts: ContentOwnerParts) {
    const { root, blobs } = parts;
    this.root = root;
    this.#parts = parts;
    this.#lease = new RootLease(root, () => this.#sweepQuietly());
    this.#list = new SweepList(join(root, "sweep"));
    this.#names = new NameReferences({
      indexPath: join(root, "index.json"),
      documents: blobs,
      onDamaged: (digest, err) => this.#warn({ digest, err }, "what this content needs cannot be read"),
    });
  }

  /** Runs work that builds on content, which nobody removes meanwhile. Throws as `RootLease.share` does. */
  share<T>(work: () => Promise<T>, options?: ShareOptions): Promise<T> {
    return this.#lease.share(work, options);
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
   * that is killed in between leaves nothing that nobody knows of.
   */
  remember(entry: SweepEntry): Promise<void> {
    return this.#list.add(entry);
  }

  /** Takes a `remember` back. */
  forget(entry: SweepEntry): Promise<void> {
    return this.#list.remove(entry);
  }

  /**
   * Deletes what is remembered and what nothing refers to, `mine` first. Waits for other removals, not for
   * work: with work in the root everything is kept for later; so it is when the signal fires.
   */
  async sweep(mine: readonly SweepEntry[], { signal }: AbortOptions = {}): Promise<Swept> {
    for (const entry of mine) await this.#list.add(entry);
    try {
      const deleted = await this.#lease.inTurn(
        async (tryAlone) => {
          if (this.#lease.inUse) return undefined;
          await this.#names.reach(await this.#names.roots()); // the reading is done while others may work
          return await tryAlone(() => this.#sweepAlone(mine));
        },
        { signal },
      );
      for (const listener of this.#onSwept) listener(deleted ?? []);
      return { deleted: deleted ?? [], kept: deleted === undefined };
    } catch (error) {
      if (isCanceled(error) || isDeadlineExceeded(error)) return { deleted: [], kept: true };
      throw error;
    }
  }

  /**
   * Deletes a blob. Throws `ErrFailedPrecondition`, naming the image or the namespace, when it is needed.
   * With work in the root it is remembered, and goes when the work has ended.
   */
  async delete(digest: Digest, { force = false, signal }: DeleteOptions = {}): Promise<boolean> {
    if (force) return await this.#discard(digest);
    const gone = await this.#lease.inTurn(
      async (tryAlone) => {
        await this.#refuseNeeded(digest);
        return await tryAlone(async () => {
          await this.#refuseNeeded(digest);
          return await this.#discard(digest);
        });
      },
      { signal },
    );
    if (gone !== undefined) return gone;
    await this.sweep([{ digest, kind: "blob", name: "" }], { signal });
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
    const named = await this.#names.reach(await this.#names.roots());
    return async (digest) =>
      named.has(digest) || (await this.#parts.namespaces?.holder(digest)) !== undefined;
  }

  /** Forgets everything that is remembered: the caller is alone and has freed it. */
  async forgetAll(): Promise<void> {
    for (const entry of await this.#list.list()) await this.#list.remove(entry);
  }

  /** Runs `work` with nobody else in the root, when that is so; `undefined` at once when it is not. */
  async tryAlone<T>(
    work: (content: FreeContent) => Promise<T>,
    options: AbortOptions = {},
  ): Promise<{ readonly result: T } | undefined> {
    return await this.#lease.inTurn(
      async (tryAlone) => await tryAlone(async () => ({ result: await work(await this.#freeContent()) })),
      options,
    );
  }

  /** Sweeps what is remembered; the caller is alone. */
  async #sweepAlone(mine: readonly SweepEntry[]): Promise<readonly SweptContent[]> {
    const content = await this.#freeContent();
    const deleted: SweptContent[] = [];
    const remembered = await this.#list.list();
    const others = remembered.filter((entry) => !mine.some((own) => isSame(own, entry)));
    for (const entry of [...mine, ...others]) {
      for (const digest of await this.#below(entry)) {
        if (await content.free(digest)) deleted.push({ digest, of: entry });
      }
      await this.#list.remove(entry);
    }
    return deleted;
  }

  /** Children before parents: what a killed sweep leaves can still be found from the top. */
  async #below({ digest, kind }: SweepEntry): Promise<readonly Digest[]> {
    if (kind === "blob") return [digest];
    return [...(await this.#names.reach([{ digest }]))].toReversed();
  }

  async #freeContent(): Promise<FreeContent> {
    const entries = await this.#list.list();
    const remembered = new Set((await Promise.all(entries.map((entry) => this.#below(entry)))).flat());
    const named = await this.#names.reach(await this.#names.roots());
    const { namespaces } = this.#parts;
    return {
      remembered,
      isNeeded: async (digest) => named.has(digest) || (await namespaces?.holder(digest)) !== undefined,
      free: async (digest) => {
        if (named.has(digest)) return false;
        return await this.#locked(digest, async () => {
          await namespaces?.disown(digest);
          if ((await namespaces?.holder(digest)) !== undefined) return false;
          return await this.#parts.blobs.discard(digest);
        });
      },
    };
  }

  async #refuseNeeded(digest: Digest): Promise<void> {
    const name = await this.#names.holder(digest);
    if (name !== undefined) throw needed(digest, `image ${name}`);
    const namespace = await this.#parts.namespaces?.holder(digest);
    if (namespace !== undefined) throw needed(digest, `namespace ${namespace}`);
  }

  #discard(digest: Digest): Promise<boolean> {
    return this.#locked(digest, () => this.#parts.blobs.discard(digest));
  }

  async #locked<T>(digest: Digest, work: () => Promise<T>): Promise<T> {
    const release = await this.#parts.namespaces?.lock(digest);
    try {
      return await work();
    } finally {
      release?.();
    }
  }

  /**
   * When the last work has left: nobody waits for what this finds wrong, and nobody's work failed with it.
   */
  async #sweepQuietly(): Promise<void> {
    try {
      if ((await this.#list.list()).length === 0) return;
      await this.sweep([]);
    } catch (err) {
      this.#warn({ err }, "content that nothing refers to cannot be removed");
    }
  }

  #warn(fields: object, message: string): void {
    this.#parts.logger?.warn(fields, message);
  }
}

function isSame(a: SweepEntry, b: SweepEntry): boolean {
  return a.digest === b.digest && a.kind === b.kind;
}

function needed(digest: Digest, holder: string): ErrFailedPrecondition {
  return new ErrFailedPrecondition(`delete content ${digest}: ${holder} needs it`, { digest });
}
