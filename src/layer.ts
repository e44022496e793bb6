/**
 * Layers of images: blobs unpacked into directories of their own, verified on the way.
 * @module
 */
export { findAbilities } from "./layer/unpack/find-abilities.ts";
export type { HostAbilities, XattrNamespace } from "./layer/unpack/host-abilities.ts";
export { DEFAULT_LIMITS, type UnpackLimits } from "./layer/unpack/unpack-limits.ts";
export type { CrossLink, Skippable, SkippedKind, UnpackOutcome } from "./layer/unpack/unpack-outcome.ts";
export type { Unpacker, UnpackJob, UnpackOptions, UnpackProgress } from "./layer/workers/unpack-job.ts";
export { UnpackPool, type UnpackPoolOptions } from "./layer/workers/unpack-pool.ts";
