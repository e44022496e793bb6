import type { Digest } from "../../digest/digest.ts";
import type { ProgressOptions } from "./operation.ts";

/** What a prune may be told. */
export interface PruneOptions extends ProgressOptions {
  /**
   * Younger content and ingests are kept, in milliseconds.
   * @defaultValue a day
   * @avoid as 0 while others write to the root by other ways, which have no name yet
   * @example minAgeMs: 3_600_000
   */
  readonly minAgeMs?: number | undefined;
  /**
   * Only tells what would be removed.
   * @defaultValue `false`
   * @example dryRun: true
   */
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
