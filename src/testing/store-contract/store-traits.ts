import type { Digest } from "../../digest/digest.ts";
import type { ErrorCode } from "../../errors/drayage-error.ts";

/**
 * Where implementations may differ, because a user of the store can live with either. What is said of containerd is true of
 * a daemon's content service: its metadata store (bolt) in front of its local store.
 */
export interface StoreTraits {
  /** Whether a reader reads on after its blob was deleted. A service looks for the blob at each read, and finds none. */
  readonly readsDeleted: boolean;
  /**
   * Whether an ingest that starts anew, because another size is announced for its ref, loses the bytes it had. containerd
   * writes over them, and refuses at commit what is shorter.
   */
  readonly dropsOldBytes: boolean;
  /** Whether a writer tells the size that an earlier one of its ref announced. containerd tells what this one did. */
  readonly tellsEarlierTotal: boolean;
  /** Whether content may be committed by another algorithm than sha256. containerd can only from 2.3 on. */
  readonly commitsSha512: boolean;
  /** Whether a label may have the empty key. containerd's database knows none, and fails without a class. */
  readonly keepsEmptyKey: boolean;
  /**
   * How a commit fails whose ingest was aborted under its writer. containerd misses the file that it wants to rename, and
   * that failure has no class.
   */
  readonly abortedCommit: ErrorCode;
  readonly words: StoreWords;
}

/** What errors say that users see. containerd's metadata store has words of its own for what its content store says too. */
export interface StoreWords {
  /** Content that is not there. */
  missing(digest: Digest): string;
  /** A commit that insists on another size than what was written, in bytes. */
  wrongSize(ref: string, sizes: { readonly got: number; readonly want: number }): string;
}

/** The words of containerd's metadata store, which a namespace of ours has too. */
export const METADATA_WORDS: StoreWords = {
  missing: (digest) => `content digest ${digest}`,
  wrongSize: (ref, { got, want }) => `${JSON.stringify(ref)} failed size validation: ${got} != ${want}`,
};

/** The traits of our own stores on the disk. */
export const DEFAULT_TRAITS: StoreTraits = {
  readsDeleted: true,
  dropsOldBytes: true,
  tellsEarlierTotal: true,
  commitsSha512: true,
  keepsEmptyKey: true,
  abortedCommit: "ERR_ABORTED",
  words: {
    missing: (digest) => `content ${digest}`,
    wrongSize: (_ref, { got, want }) => `unexpected commit size ${got}, expected ${want}`,
  },
};
