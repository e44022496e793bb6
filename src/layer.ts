/**
 * Layers of images: blobs unpacked into directories of their own, verified on the way; kept by chain ID, and shown together as
 * root file systems.
 * @module
 */
export type { AssembleOptions, Sharing } from "./layer/rootfs/assemble.ts";
export type { Mount, Mounts, OverlayOptions } from "./layer/rootfs/overlay-mounts.ts";
export type { LayerDifferences } from "./layer/store/compare-layer.ts";
export type {
  LayerPlace,
  MakeLayerOptions,
  VerifiedLayer,
  VerifyLayerOptions,
} from "./layer/store/layer-maker.ts";
export type { LayerRecord } from "./layer/store/layer-record.ts";
export type { LayerStore, StoredLayer } from "./layer/store/layer-store.ts";
export type { LayerUse } from "./layer/store/layer-uses.ts";
export { type LayerStoreOptions, openLayerStore } from "./layer/store/open-layer-store.ts";
export type { LayerSource } from "./layer/store/prepared-layer.ts";
export type { SweepLayersOptions, SweptLayer } from "./layer/store/sweep-layers.ts";
export { findAbilities } from "./layer/unpack/find-abilities.ts";
export type { HostAbilities, XattrNamespace } from "./layer/unpack/host-abilities.ts";
export { DEFAULT_LIMITS, type UnpackLimits } from "./layer/unpack/unpack-limits.ts";
export type { CrossLink, Skippable, SkippedKind, UnpackOutcome } from "./layer/unpack/unpack-outcome.ts";
export type { Unpacker, UnpackJob, UnpackOptions, UnpackProgress } from "./layer/workers/unpack-job.ts";
export { UnpackPool, type UnpackPoolOptions } from "./layer/workers/unpack-pool.ts";
