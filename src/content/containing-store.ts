import type { AbortOptions } from "../async/abort.ts";
import type { Digest } from "../digest/digest.ts";
import type { Labels } from "./labels/label-store.ts";
import type { AbandonedIngest } from "./ownership/owned-store.ts";
import type { Store } from "./store.ts";

/** Something damaged that was taken out of the way. */
export interface SetAside {
  /** Name of its file. */
  readonly name: string;
  /** The content whose place it had; absent where it is a file of a database. */
  readonly digest?: Digest;
  /** Size in bytes. */
  readonly bytes: number;
  /** When it was set aside, in nanoseconds since the epoch. */
  readonly sinceNs: bigint;
}

/** Content that a namespace says it holds, whether or not it is there. */
export interface HeldContent {
  readonly digest: Digest;
  readonly namespace: string;
  /** The labels that the namespace gave it. */
  readonly labels: Labels;
}

/** A store that can take damaged content out of the way, and tells what else lies on its disk; found by `isContaining`. */
export interface ContainingStore {
  /**
   * Takes the bytes of a blob out of the way when they are not what its digest says, so that it counts as absent; they are
   * kept aside until the right ones come. What is right, or gone, is left alone. Labels and references stay as they are.
   */
  setAside(digest: Digest, options?: AbortOptions): Promise<void>;
  /** What was taken out of the way, content and databases. */
  listSetAside(): Promise<readonly SetAside[]>;
  /** Removes the bytes that were set aside for a blob; none is no failure. */
  discardSetAside(digest: Digest): Promise<void>;
  /** Ingests whose beginning or removal was broken off, which no listing of statuses shows. */
  listHalfMade(): Promise<readonly AbandonedIngest[]>;
  /** The labels that are known for content, also when its bytes are gone. */
  knownLabels(digest: Digest): Promise<Labels>;
  /** Everything that namespaces hold, also what is not there. */
  heldByNamespaces(): AsyncIterable<HeldContent>;
}

/** Whether a store can take damaged content out of the way. */
export function isContaining(store: Store): store is Store & ContainingStore {
  return "setAside" in store && "knownLabels" in store;
}
