import type { Digest } from "../../digest/digest.ts";
import type { ProgressOptions } from "./operation.ts";

/** What a prune may be told. */
export interface PruneOptions extends ProgressOptions {
  /** Younger content and ingests are kept, in milliseconds. Default: a day. */
  readonly minAgeMs?: number | undefined;
  /** Only tells what would be removed. */
  readonly dryRun?: boolean | undefined;
}

/** What a prune removed, or would remove. */
export interface PruneResult {
  readonly deleted: readonly Digest[];
  /** Refs of ingests that nobody went on with. */
  readonly abortedIngests: readonly string[];
  /** Content whose damaged bytes had been set aside, and are removed. */
  readonly discarded: readonly Digest[];
  /** Chain IDs of unpacked layers that no image and no other user keeps. */
  readonly layers: readonly Digest[];
  readonly reclaimedBytes: number;
}
