import type { AbortOptions } from "../async/abort.ts";
import type { Digest } from "../digest/digest.ts";
import type { Labels } from "./labels/label-store.ts";
import type { Store } from "./store.ts";

/** A store that can take damaged content out of the way; found by `isContaining`. */
export interface ContainingStore {
  /**
   * Takes the bytes of a blob out of the way when they are not what its digest says, so that it counts as absent; they are
   * kept aside until the right ones come. What is right, or gone, is left alone. Labels and references stay as they are.
   */
  setAside(digest: Digest, options?: AbortOptions): Promise<void>;
  /** The labels that are known for content, also when its bytes are gone. */
  knownLabels(digest: Digest): Promise<Labels>;
}

/** Whether a store can take damaged content out of the way. */
export function isContaining(store: Store): store is Store & ContainingStore {
  return "setAside" in store && "knownLabels" in store;
}
