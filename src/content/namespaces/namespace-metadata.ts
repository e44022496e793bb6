import type { AbortOptions } from "../../async/abort.ts";
import type { Release } from "../../async/keyed-lock.ts";
import type { Digest } from "../../digest/digest.ts";
import type { LabelStore, Labels } from "../labels/label-store.ts";
import type { Info } from "../store.ts";

/** What a namespace knows of a blob; its size is the backend's to tell. */
export type NamespaceEntry = Omit<Info, "size">;

/** How a blob came to a namespace. */
export interface NewEntry {
  readonly labels: Labels;
  /**
   * Whether the backend had the blob already. Otherwise entries that other namespaces have for it speak of a blob that
   * was deleted behind their backs.
   */
  readonly found: boolean;
}

/**
 * Label of a namespace whose blobs others may have without uploading them, also under the policy `isolated`; its value
 * is `true` (containerd `labels`).
 */
export const SHAREABLE_LABEL = "containerd.io/namespace.shareable";

/** Which namespaces have which blobs of one backend, and the labels they gave them. */
export interface NamespaceMetadata {
  /** The entry of a blob, `undefined` when the namespace has it not. */
  get(namespace: string, digest: Digest): Promise<NamespaceEntry | undefined>;
  /** All entries of a namespace; what is added or removed meanwhile may be among them. */
  list(namespace: string): AsyncIterable<NamespaceEntry>;
  /** Adds a blob, created now; `false` when the namespace has it already. */
  add(namespace: string, digest: Digest, entry: NewEntry): Promise<boolean>;
  /**
   * Takes a blob from a namespace. `last`: nobody has it any more, and it may go from the backend. A blob that was found
   * there before any namespace had it is somebody else's and never the last. `undefined` when the namespace has it not.
   */
  remove(namespace: string, digest: Digest): Promise<{ readonly last: boolean } | undefined>;
  /** The labels that a namespace gave to blobs. Changing them stamps the entry; throws `ErrNotFound` when there is none. */
  labels(namespace: string): LabelStore;
  /** The labels of a namespace itself, such as `SHAREABLE_LABEL`. */
  namespaceLabels(namespace: string): Promise<Labels>;
  /**
   * Changes the labels named of a namespace itself, in one step; an empty value removes. Throws `ErrInvalidArgument` for
   * a malformed name, or a label that is too long.
   */
  labelNamespace(namespace: string, labels: Labels): Promise<void>;
  /** Whether a namespace labelled with `SHAREABLE_LABEL` has a blob. */
  isShareable(digest: Digest): Promise<boolean>;
  /** Keeps everybody else who asks, in any process, from adding or removing a blob. The caller releases it. */
  lock(digest: Digest, options?: AbortOptions): Promise<Release>;
}
