/**
 * drayage moves container images into an OCI layout: shared, verified, resumable.
 * @module
 */
export type { ExportOptions } from "./archive/export-images.ts";
export type { ImportOptions, ImportSource } from "./archive/import-images.ts";
export type { AbortOptions } from "./async/abort.ts";
export type { JoinTrace, SharedKind, SharedTrace } from "./async/shared-traces.ts";
export type { WaitCode } from "./async/wait-reason.ts";
export type { BandwidthLimits } from "./bandwidth/bandwidth.ts";
export { LiveBandwidth } from "./bandwidth/live-bandwidth.ts";
export type { BandwidthLimit, BandwidthRates, BandwidthSlot, Weekday } from "./bandwidth/timetable.ts";
export type { Store } from "./content/store.ts";
export type { Digest } from "./digest/digest.ts";
export type {
  ArtifactFile,
  Artifacts,
  ArtifactToPush,
  ConfigToPush,
  FetchArtifactOptions,
  FetchedArtifact,
  FileToPush,
  PushArtifactOptions,
  PushedArtifact,
} from "./distribution/api/artifacts.ts";
export type {
  CheckedLayers,
  CheckOptions,
  CheckResult,
  DamagedContent,
  DamagedLayer,
  UnverifiedLayer,
} from "./distribution/api/check-result.ts";
export type {
  AssembleImageOptions,
  Distribution,
  ExtractedImage,
  PulledImage,
  PullOptions,
  PullResult,
  PushedImage,
  PushOptions,
  PushResult,
  ReadImageOptions,
  RemovedImage,
  UnpackedImage,
  UnpackImageOptions,
} from "./distribution/api/distribution.ts";
export type {
  DistributionEvents,
  FailedEvent,
  FallbackEvent,
  LackingEvent,
  ServedEvent,
} from "./distribution/api/events.ts";
export type { ImagePlan, PlannedContent, PlanOptions } from "./distribution/api/image-plan.ts";
export type { Logger } from "./distribution/api/logger.ts";
export type { Login, LoginOptions } from "./distribution/api/login.ts";
export type {
  AskingOptions,
  InspectedContent,
  InspectedImage,
  InspectedLayer,
  InspectOptions,
  ReferrersOptions,
  ResolvedReference,
} from "./distribution/api/looking.ts";
export type { ServedContent, TakenContent } from "./distribution/api/moved-content.ts";
export type {
  BlobOptions,
  CopiedImage,
  CopyOptions,
  CopyResult,
  FetchedBlob,
  Moving,
  WantedBlob,
} from "./distribution/api/moving.ts";
export type { ProgressOptions } from "./distribution/api/operation.ts";
export type { DistributionOptions } from "./distribution/api/options.ts";
export type { PassedEndpoint } from "./distribution/api/passed-endpoint.ts";
export type { PruneOptions, PruneResult } from "./distribution/api/prune-result.ts";
export type { DistributionStats, HostStats, TransferStats } from "./distribution/api/seeing.ts";
export { type EndpointShare, servedByEndpoint } from "./distribution/api/served-by-endpoint.ts";
export type {
  Transfer,
  TransferContext,
  TransferHooks,
  TransferOutcome,
} from "./distribution/api/transfer-hooks.ts";
export type { DiskUsage, ImageUsage, Usage } from "./distribution/api/usage.ts";
export { VERBS, type Verb } from "./distribution/api/verbs.ts";
export type {
  ImageToVerify,
  ManifestToVerify,
  VerifyContext,
  VerifyImage,
} from "./distribution/api/verify.ts";
export { logIn } from "./distribution/endpoints/log-in.ts";
export { openDistribution } from "./distribution/open-distribution.ts";
export type { IdentifiedImage, ImageLookup } from "./images/image-lookup.ts";
export type { ImageEntry, ImageEntryType } from "./layer/reading/image-entries.ts";
export type { Descriptor } from "./oci/descriptor.ts";
export { type DockerMessage, toDockerMessage } from "./progress/docker-message.ts";
export type {
  MessageProgress,
  Phase,
  PlannedItem,
  PlanProgress,
  Progress,
  ProgressSink,
  StepProgress,
  StepSink,
  SummaryProgress,
  UpdateProgress,
} from "./progress/progress.ts";
export type {
  ConnectionSteps,
  OperationTrace,
  RequestTrace,
  TransferTrace,
  UnpackTrace,
} from "./progress/tracing.ts";
export { type WatchedWork, watchProgress } from "./progress/watch-progress.ts";
export {
  type CredentialFiles,
  credentialFilesFromEnvironment,
  dockerConfigDirFromEnvironment,
} from "./registry/credentials/credential-files.ts";
export type { CredentialContext, CredentialSource, Credentials } from "./registry/credentials/credentials.ts";
export { registryFilesFromEnvironment, type UsualFiles } from "./registry/endpoints/usual-files.ts";
export type { RateLimit } from "./registry/http/rate-limit.ts";
export type { RegistryWarning } from "./registry/http/with-notices.ts";
export type {
  ConnectionOptions,
  ProxyOptions,
  ProxySource,
} from "./registry/transport/connection-options.ts";
export type { OwnRequest, OwnResponse, OwnSend } from "./registry/transport/own-send.ts";
export type { HostBudgetChange } from "./registry/transport/pool-options.ts";
export { proxyFromEnvironment } from "./registry/transport/proxy-from-environment.ts";
export {
  type SystemCertificatesOptions,
  systemCertificates,
} from "./registry/transport/system-certificates.ts";
export { LivePriority, type Priority } from "./xfer/live-priority.ts";
