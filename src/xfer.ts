/**
 * Shared transfers: jobs by key, each run once for everybody who wants it, a limited number at a time, cancelled when the
 * last one leaves; and the download and upload managers for image layers on top. Knows no registry, no disk and no layer
 * format: a `DownloadDescriptor` brings a blob in, a `LayerTarget` makes it a layer, an `UploadDescriptor` brings one out.
 * @module
 */
export { type BackoffPolicy, DEFAULT_BACKOFF } from "./async/backoff.ts";
export type { Clock } from "./async/clock.ts";
export type { WaitCode, WaitReason } from "./async/wait-reason.ts";
export { type PlainWaiterOptions, plainWaiter, type Waiter } from "./async/waiting.ts";
export {
  type MessageProgress,
  message,
  type StepProgress,
  type StepSink,
  type Subject,
  type UpdateProgress,
  update,
  waitingFor,
} from "./progress/progress.ts";
export { throttleProgress } from "./progress/progress-throttle.ts";
export {
  type DownloadManagerOptions,
  type DownloadOptions,
  type LayerDownload,
  LayerDownloadManager,
} from "./xfer/download-manager.ts";
export type { GrowingBlob, GrowingFile, GrowthSink } from "./xfer/growing-blob.ts";
export type { Job, TransferOptions, Watcher } from "./xfer/job.ts";
export type {
  BlobBytes,
  DownloadContext,
  DownloadDescriptor,
  Layer,
  LayerPlace,
  LayerTarget,
} from "./xfer/layer.ts";
export { LivePriority, type Priority } from "./xfer/live-priority.ts";
export { type SharedTransferOptions, transferShared } from "./xfer/shared-transfer.ts";
export type { TransferContext } from "./xfer/transfer-context.ts";
export { TransferManager, type TransferManagerOptions } from "./xfer/transfer-manager.ts";
export type { UploadDescriptor } from "./xfer/upload.ts";
export { LayerUploadManager, type UploadManagerOptions, type UploadOptions } from "./xfer/upload-manager.ts";
