import { METADATA_WORDS, type StoreTraits } from "../../../src/testing/store-contract/store-traits.ts";
import type { ContainerdVersion } from "./containerd.ts";

/** What a containerd's content service does otherwise than our stores; the reasons are with `StoreTraits`. */
export function containerdTraits({ major, minor }: ContainerdVersion): StoreTraits {
  return {
    readsDeleted: false,
    dropsOldBytes: false,
    tellsEarlierTotal: false,
    commitsSha512: major > 2 || (major === 2 && minor >= 3),
    keepsEmptyKey: false,
    abortedCommit: "ERR_UNKNOWN",
    words: METADATA_WORDS,
  };
}
