import type { ExportOptions } from "../../archive/export-images.ts";
import type { ImportOptions } from "../../archive/import-images.ts";
import type { AbortOptions } from "../../async/abort.ts";
import type { BackoffPolicy } from "../../async/backoff.ts";
import type { WaitOptions } from "../../async/waiting.ts";
import type { BandwidthLimits } from "../../bandwidth/bandwidth.ts";
import { LiveBandwidth } from "../../bandwidth/live-bandwidth.ts";
import { Timetable } from "../../bandwidth/timetable.ts";
import { A_STORE } from "../../content/a-store.ts";
import { isDigest } from "../../digest/digest.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import {
  eitherOf,
  listOf,
  objectOf,
  type RulesOf,
  recordOf,
  required,
  rule,
  withMethods,
} from "../../options/rule.ts";
import {
  aBoolean,
  aFiniteNumber,
  aFunction,
  aLogger,
  aMode,
  anAsyncIterable,
  aPath,
  aSignal,
  aString,
  aTimeout,
  milliseconds,
  switchOrListOf,
  wholeNumberFrom,
} from "../../options/rules.ts";
import type { CredentialFiles } from "../../registry/credentials/credential-files.ts";
import type { Credentials } from "../../registry/credentials/credentials.ts";
import type { HostTlsOptions, RegistryOptions } from "../../registry/endpoints/registry-options.ts";
import { MAX_USER_AGENT_CHARS } from "../../registry/http/user-agent.ts";
import { CONNECTION_OPTIONS, type ConnectionOptions } from "../../registry/transport/connection-options.ts";
import type { RangeOptions } from "../../remotes/ranges/ranges.ts";
import { LivePriority } from "../../xfer/live-priority.ts";
import type { CheckOptions } from "./check-result.ts";
import type {
  AssembleImageOptions,
  Distribution,
  PullOptions,
  PushOptions,
  ReadImageOptions,
  UnpackImageOptions,
} from "./distribution.ts";
import type { PlanOptions } from "./image-plan.ts";
import type { LoginOptions } from "./login.ts";
import type { AskingOptions, InspectOptions, ReferrersOptions } from "./looking.ts";
import type { BlobOptions, CopyOptions } from "./moving.ts";
import type { ProgressOptions } from "./operation.ts";
import type { DistributionOptions } from "./options.ts";
import type { PruneOptions } from "./prune-result.ts";
import type { TransferHooks } from "./transfer-hooks.ts";

const backoff = objectOf<BackoffPolicy>({
  maxAttempts: wholeNumberFrom(1),
  baseMs: milliseconds,
  maxMs: milliseconds,
  maxRetryAfterMs: milliseconds,
  random: aFunction,
});

const pathList = eitherOf(aPath, listOf(aPath));

const registry = objectOf<RegistryOptions>({
  mirrors: recordOf(listOf(aString)),
  insecureRegistries: listOf(aString),
  plainHttp: switchOrListOf(listOf(aString)),
  skipTlsVerify: switchOrListOf(listOf(aString)),
  v1Registries: listOf(aString),
  resolveHost: aFunction,
  chooseEndpoints: aFunction,
  hostsDir: pathList,
  certsDir: pathList,
  registriesConf: pathList,
  daemonConfig: pathList,
  tls: recordOf(
    objectOf<HostTlsOptions>({
      skipVerify: aBoolean,
      ca: listOf(aString),
      cert: eitherOf(aString, listOf(aString)),
      key: eitherOf(aString, listOf(aString)),
      caFile: eitherOf(aPath, listOf(aPath)),
      certFile: aPath,
      keyFile: aPath,
    }),
  ),
});

const credentials = eitherOf(
  aFunction,
  objectOf<CredentialFiles>({
    dockerAuthConfig: aString,
    authFile: eitherOf(aPath, listOf(aPath)),
    dockerConfigDir: aPath,
    dockercfg: aPath,
    registriesConf: pathList,
  }),
);

const auth = objectOf<Credentials>({
  username: aString,
  password: aString,
  identityToken: aString,
  registryToken: aString,
});

const userAgent = rule(
  `printable ASCII, at most ${MAX_USER_AGENT_CHARS} characters, without spaces at its ends`,
  (value) =>
    typeof value === "string" &&
    value.length <= MAX_USER_AGENT_CHARS &&
    /^[!-~](?:[ -~]*[!-~])?$/.test(value),
);

const bandwidth = rule(
  'a bandwidth such as "512k", "10M", "off", { down: "10M" } or "08:00,512k 23:00,off"',
  (value) => Timetable.isLimit(value),
);

const ownBandwidth = eitherOf(
  bandwidth,
  rule("a LiveBandwidth", (value) => value instanceof LiveBandwidth),
);

/** The limits of `Distribution.setBandwidth`. */
export const BANDWIDTH_LIMITS: RulesOf<BandwidthLimits> = {
  all: bandwidth,
  hosts: recordOf(bandwidth),
  groups: recordOf(bandwidth),
};

const priority = eitherOf(
  aFiniteNumber,
  rule('"prefetch"', (value) => value === "prefetch"),
  rule("a LivePriority", (value) => value instanceof LivePriority),
);

const localOrRegistry = rule('"local" or "registry"', (value) => value === "local" || value === "registry");

const connection = objectOf<ConnectionOptions>(CONNECTION_OPTIONS);

const ranges = eitherOf(
  rule("false", (value) => value === false),
  objectOf<RangeOptions>({
    fromBytes: wholeNumberFrom(0),
    atOnce: wholeNumberFrom(1),
    pieceBytes: wholeNumberFrom(1),
    stepMs: milliseconds,
    from: rule('"one", "mirrors" or "all"', (value) =>
      ["one", "mirrors", "all"].some((one) => one === value),
    ),
  }),
);

/** The options of `openDistribution`. */
export const DISTRIBUTION_OPTIONS: RulesOf<DistributionOptions> = {
  root: required(aPath),
  mode: aMode,
  content: A_STORE,
  images: withMethods("get", "list", "roots", "tag", "untag"),
  registry,
  credentials,
  maxConcurrentDownloads: wholeNumberFrom(0),
  maxConcurrentUploads: wholeNumberFrom(0),
  bandwidth: objectOf<BandwidthLimits>(BANDWIDTH_LIMITS),
  maxDownloadAttempts: wholeNumberFrom(1),
  backoff,
  connection,
  workers: wholeNumberFrom(0),
  bytesPerWorker: wholeNumberFrom(0),
  ranges,
  userAgent,
  layers: eitherOf(aBoolean, withMethods("get", "register", "release")),
  readOnly: aBoolean,
  watch: aBoolean,
  verify: aFunction,
  transferHooks: objectOf<TransferHooks>({ before: aFunction, after: aFunction }),
  logger: aLogger,
};

/** The options of `logIn`. */
export const LOGIN_OPTIONS: RulesOf<LoginOptions> = {
  signal: aSignal,
  credentials: required(auth),
  registry,
  connection,
  userAgent,
};

/** The options of operations that can only be stopped. */
export const ABORT_OPTIONS: RulesOf<AbortOptions> = { signal: aSignal };

/** The options of operations that only show for whom they wait. */
export const PROGRESS_OPTIONS: RulesOf<ProgressOptions> = { ...ABORT_OPTIONS, onProgress: aFunction };

/** The options of changes of names. */
export const WAIT_OPTIONS: RulesOf<WaitOptions> = { ...ABORT_OPTIONS, waiter: withMethods("wait") };

/** The options of `Distribution.pull`. */
export const PULL_OPTIONS: RulesOf<PullOptions> = {
  ...ABORT_OPTIONS,
  platform: aString,
  allPlatforms: aBoolean,
  allTags: aBoolean,
  auth,
  metaHeaders: recordOf(aString),
  timeoutMs: aTimeout,
  priority,
  group: aString,
  bandwidth: ownBandwidth,
  unpack: aBoolean,
  keepBlobs: aBoolean,
  verify: aFunction,
  onProgress: aFunction,
};

/** The options of questions to registries. */
export const ASKING_OPTIONS: RulesOf<AskingOptions> = {
  ...ABORT_OPTIONS,
  auth,
  metaHeaders: recordOf(aString),
  timeoutMs: aTimeout,
  onProgress: aFunction,
};

/** The options of `Distribution.plan`. */
export const PLAN_OPTIONS: RulesOf<PlanOptions> = {
  ...ASKING_OPTIONS,
  platform: aString,
  allPlatforms: aBoolean,
  verify: aFunction,
};

/** The options of `Distribution.inspect`. */
export const INSPECT_OPTIONS: RulesOf<InspectOptions> = {
  ...ASKING_OPTIONS,
  platform: aString,
  from: localOrRegistry,
};

/** The options of `Distribution.referrers`. */
export const REFERRERS_OPTIONS: RulesOf<ReferrersOptions> = { ...ASKING_OPTIONS, artifactType: aString };

/** The options of `Distribution.openBlob` and `Distribution.fetchTo`. */
export const BLOB_OPTIONS: RulesOf<BlobOptions> = {
  ...ASKING_OPTIONS,
  group: aString,
  bandwidth: ownBandwidth,
};

/** The options of `Distribution.push`. */
export const PUSH_OPTIONS: RulesOf<PushOptions> = {
  ...BLOB_OPTIONS,
  target: aString,
  platform: aString,
  allTags: aBoolean,
  priority,
};

/** The options of `Distribution.copy`. */
export const COPY_OPTIONS: RulesOf<CopyOptions> = {
  ...ABORT_OPTIONS,
  platforms: listOf(aString),
  referrers: aBoolean,
  allTags: aBoolean,
  checkBlobs: aBoolean,
  verify: aFunction,
  fromAuth: auth,
  toAuth: auth,
  metaHeaders: recordOf(aString),
  priority,
  group: aString,
  bandwidth: ownBandwidth,
  timeoutMs: aTimeout,
  onProgress: aFunction,
};

/** The options of `Distribution.unpack`. */
export const UNPACK_OPTIONS: RulesOf<UnpackImageOptions> = {
  ...ABORT_OPTIONS,
  platform: aString,
  onProgress: aFunction,
};

/** The options of `Distribution.assemble`. */
export const ASSEMBLE_OPTIONS: RulesOf<AssembleImageOptions> = {
  ...UNPACK_OPTIONS,
  sharing: rule('"reflink", "hardlink" or "copy"', (value) =>
    ["reflink", "hardlink", "copy"].some((one) => one === value),
  ),
};

/** The options of `Distribution.extract` and `Distribution.list`. */
export const READ_OPTIONS: RulesOf<ReadImageOptions> = {
  ...UNPACK_OPTIONS,
  paths: listOf(aString),
  followLinks: aBoolean,
};

/** The options of `Distribution.import`. */
export const IMPORT_OPTIONS: RulesOf<ImportOptions> = {
  ...ABORT_OPTIONS,
  name: aString,
  onProgress: aFunction,
};

/** The options of `Distribution.check`. */
export const CHECK_OPTIONS: RulesOf<CheckOptions> = {
  ...ABORT_OPTIONS,
  repair: aBoolean,
  onProgress: aFunction,
};

/** The options of `Distribution.prune`. */
export const PRUNE_OPTIONS: RulesOf<PruneOptions> = {
  ...PROGRESS_OPTIONS,
  minAgeMs: rule(
    "milliseconds from 0 on",
    (value) => typeof value === "number" && value >= 0 && value < Infinity,
  ),
  dryRun: aBoolean,
};

/** The options of `Distribution.export`. */
export const EXPORT_OPTIONS: RulesOf<ExportOptions> = { ...ABORT_OPTIONS, platform: aString };

/** The limits of `Distribution.setConcurrency`. */
export const CONCURRENCY_LIMITS: RulesOf<Parameters<Distribution["setConcurrency"]>[0]> = {
  downloads: wholeNumberFrom(0),
  uploads: wholeNumberFrom(0),
};

/** Where an import takes images from. */
export const IMPORT_SOURCE = eitherOf(aPath, anAsyncIterable);

/** What an export takes: a name, or several. */
export const EXPORT_REFERENCES = eitherOf(aString, listOf(aString));

/** Where an export, or a content, goes to. */
export const WRITE_TARGET = eitherOf(aPath, withMethods("write", "end", "on"));

/** A descriptor, told from other things by the fields that every one has. */
export const A_DESCRIPTOR = rule("a descriptor", (value) => {
  if (typeof value !== "object" || value === null) return false;
  const { digest, size } = value as Partial<Descriptor>;
  return typeof digest === "string" && isDigest(digest) && Number.isSafeInteger(size);
});
