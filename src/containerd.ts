/**
 * A running containerd as the place that an engine pulls to: its content store, its images and its snapshots.
 * @module
 */
export type { LeasedStore } from "./containerd/leased-store.ts";
export { type Containerd, type ContainerdOptions, openContainerd } from "./containerd/open-containerd.ts";
