/**
 * Images as graphs of descriptors: handlers, walks over them, platform filters, and the store of names.
 * @module
 */
export type { Limiter } from "./async/semaphore.ts";
export { childrenHandler } from "./images/children.ts";
export { type DispatchOptions, dispatch } from "./images/dispatch.ts";
export {
  filterPlatforms,
  limitManifests,
  type ManifestLimit,
  skipNonDistributable,
} from "./images/filters.ts";
export { MAX_GRAPH_DEPTH, MAX_GRAPH_DESCRIPTORS } from "./images/graph-guard.ts";
export type { OnListenerFailure } from "./images/guarded-events.ts";
export { ErrSkipDesc, ErrStopHandler, type Handler, handlers } from "./images/handler.ts";
export type { IdentifiedImage, ImageLookup } from "./images/image-lookup.ts";
export type {
  DeleteEvent,
  Image,
  ImageCause,
  ImageEvent,
  ImageEvents,
  ImageStore,
  TagOptions,
} from "./images/image-store.ts";
export { LabelTurns } from "./images/label-turns.ts";
export { LayoutImageStore, type LayoutImageStoreOptions } from "./images/layout-image-store.ts";
export { labelNeeds } from "./images/needs-label.ts";
export { reachableContent } from "./images/reachable.ts";
export { type SourceLabelOptions, sourceLabelHandler } from "./images/source-label.ts";
export { walk } from "./images/walk.ts";
export type { Descriptor, Platform } from "./oci/descriptor.ts";
export { formatPlatform } from "./platform/format-platform.ts";
export { hostPlatform } from "./platform/host-platform.ts";
export { allPlatforms, anyOf, only, onlyStrict, ordered, type PlatformMatcher } from "./platform/matcher.ts";
export { type ParsePlatformOptions, parsePlatform } from "./platform/parse-platform.ts";
