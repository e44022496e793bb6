import type { AbortOptions } from "../../async/abort.ts";
import type { Digest } from "../../digest/digest.ts";
import { MAX_MANIFEST_BYTES } from "../../oci/parse-document.ts";
import { readBlob } from "../read-blob.ts";
import type { Store } from "../store.ts";
import { unlessNotFound } from "../unless-not-found.ts";
import { ContentOwner, type DeleteOptions } from "./content-owner.ts";
import type { OwnedBlobs } from "./sweeper.ts";

/** A store that knows who needs its content, and asks before each deletion; found by `isOwned`. */
export interface OwnedStore extends Store {
  readonly owner: ContentOwner;
  /**
   * Removes a blob. Throws `ErrNotFound`, or `ErrFailedPrecondition` when an image or a namespace needs it,
   * unless it is forced. While work is using the root the blob stays, and goes when the work has ended.
   */
  delete(digest: Digest, options?: DeleteOptions): Promise<void>;
  /**
   * Removes ingests that nobody is writing, also half-made ones, and what killed processes left beside them.
   * Returns the ingests.
   */
  sweepIngests(options: AbandonedOptions): Promise<readonly AbandonedIngest[]>;
}

/** An ingest that nobody is writing. */
export interface AbandonedIngest {
  /** Its ref, or the name of its directory where it was left half-made. */
  readonly ref: string;
  /** Size in bytes. */
  readonly bytes: number;
}

/** Which ingests are looked for. */
export interface AbandonedOptions extends AbortOptions {
  /**
   * Only those for which this says yes of when they were last written, in nanoseconds since the epoch.
   * @example isOld: (timeNs) => timeNs < BigInt(Date.now() - 86_400_000) * 1_000_000n
   */
  readonly isOld: (timeNs: bigint) => boolean;
  /**
   * Only tells.
   * @defaultValue `false`
   * @example dryRun: true
   */
  readonly dryRun?: boolean | undefined;
}

/** Whether a store knows who needs its content. */
export function isOwned(store: Store): store is OwnedStore {
  return "owner" in store && store.owner instanceof ContentOwner;
}

/** A store behind which somebody else decides what may go, such as the garbage collector of a containerd. */
export interface CollectedStore extends Store {
  readonly isCollected: true;
  /**
   * Keeps what is written or asked for from now on, until the function is called that it resolves to, which never rejects. Absent
   * where nothing can be kept, or somebody else sees to it.
   */
  hold?(options?: AbortOptions): Promise<() => Promise<void>>;
}

/** Whether somebody else decides what of a store may go. */
export function isCollected(store: Store): store is CollectedStore {
  return "isCollected" in store && store.isCollected === true;
}

/** The blobs of a store that has no owner of its own, for one. */
export function blobsOf(store: Store): OwnedBlobs {
  return {
    async read(digest) {
      const info = await unlessNotFound(store.info(digest));
      if (!info || info.size > MAX_MANIFEST_BYTES) return undefined;
      return await unlessNotFound(readBlob(store, info, { maxBytes: MAX_MANIFEST_BYTES }));
    },
    async labels(digest) {
      return (await unlessNotFound(store.info(digest)))?.labels ?? {};
    },
    async has(digest) {
      return (await unlessNotFound(store.info(digest))) !== undefined;
    },
    async discard(digest) {
      return (await unlessNotFound(store.delete(digest).then(() => true))) ?? false;
    },
  };
}
