import { resolve } from "node:path";
import { type BackoffPolicy, DEFAULT_BACKOFF } from "../async/backoff.ts";
import { Semaphore } from "../async/semaphore.ts";
import { Bandwidth } from "../bandwidth/bandwidth.ts";
import { boundedReads } from "../content/bounded-reads.ts";
import { isCollected } from "../content/ownership/owned-store.ts";
import { ErrInvalidArgument } from "../errors/classes.ts";
import { ImageFinder } from "../images/image-finder.ts";
import { ImageIds } from "../images/image-ids.ts";
import { LabelTurns } from "../images/label-turns.ts";
import { checkOptions } from "../options/check-options.ts";
import type { CredentialFiles } from "../registry/credentials/credential-files.ts";
import { anonymous, type CredentialSource } from "../registry/credentials/credentials.ts";
import { storedCredentials } from "../registry/credentials/stored-credentials.ts";
import { checkRegistryOptions } from "../registry/endpoints/lookup-endpoints.ts";
import { withUserAgent } from "../registry/http/user-agent.ts";
import { withTracing } from "../registry/http/with-tracing.ts";
import { MAX_SOCKETS } from "../registry/transport/connection-options.ts";
import { createTransport, type TransportParts } from "../registry/transport/transport.ts";
import { Ranges } from "../remotes/ranges/ranges.ts";
import { TransferThreads } from "../remotes/threads/transfer-threads.ts";
import { type DownloadManagerOptions, LayerDownloadManager } from "../xfer/download-manager.ts";
import { TransferManager } from "../xfer/transfer-manager.ts";
import { LayerUploadManager } from "../xfer/upload-manager.ts";
import { connectionOptions } from "./api/connection-options.ts";
import type { Distribution } from "./api/distribution.ts";
import type { FailedEvent } from "./api/events.ts";
import { guardedLogger, silentLogger } from "./api/logger.ts";
import { DISTRIBUTION_OPTIONS } from "./api/option-rules.ts";
import type { DistributionOptions } from "./api/options.ts";
import { createRepositories } from "./endpoints/repositories.ts";
import { EndpointHealth } from "./health/endpoint-health.ts";
import { type OpenLayersParts, openLayers } from "./layers/open-layers.ts";
import { LocalDistribution } from "./local-distribution.ts";
import { guardVerbs } from "./operations/guard-verbs.ts";
import { HookedTransfers } from "./operations/hooked-transfers.ts";
import { OpenWork } from "./operations/open-work.ts";
import { Traffic } from "./operations/traffic.ts";
import { choosePlatform } from "./pull/pull-reference.ts";
import { OwnedRoot } from "./root/owned-root.ts";

/** Manifests, indexes and configs that are read from the store at the same time: each is an open file. */
const MAX_DOCUMENT_READERS = 32;

/**
 * Manifests, indexes and configs that are fetched at the same time. They have slots of their own, so that none queues behind
 * layers; without a limit an index of 400 images would open 400 connections and files.
 */
const MAX_CONCURRENT_DOCUMENTS = 16;

/** Large layers that are downloaded at the same time: more of them do not fill a line better, and all come later. */
const MAX_LARGE_AT_ONCE = 8;

/** Attempts for a manifest, config or tag list: a registry that is down for three of them is down. */
const MAX_DOCUMENT_ATTEMPTS = 3;

/** The composition root of drayage: makes an engine of its parts, and does what `openDistribution` says. */
export async function composeDistribution(options: DistributionOptions): Promise<Distribution> {
  checkOptions("open distribution", options, DISTRIBUTION_OPTIONS);
  const { registry = {}, readOnly = false } = options;
  const logger = guardedLogger(options.logger ?? silentLogger);
  checkRegistryOptions(registry);
  checkPlaces(options);
  const credentials = credentialSource(options.credentials);
  const backoff = downloadBackoff(options);
  const onBudget: TransportParts["onBudget"] = (change) => {
    logger.debug({ ...change }, "requests to this host at once");
    root.events.emit("budget", change);
    if (change.requests > change.before) downloads.serve();
  };
  const connection = connectionOptions(options);
  const threads = new TransferThreads({
    workers: workersOf(options),
    bytesPerWorker: options.bytesPerWorker,
    connection,
  });
  const transport = createTransport(connection, { onBudget, receivesMuch: threads.callerIsOne }); // it opens nothing before the first request
  const bandwidth = new Bandwidth(options.bandwidth);
  const { foreground } = bandwidth;
  const downloads = new LayerDownloadManager({
    ...downloadSlots(options),
    roomAt: transport.blobsAtOnce,
    briefEach: transport.briefEach,
    foreground,
    backoff,
  });
  const work = new OpenWork();
  const uploads = new LayerUploadManager({
    concurrency: options.maxConcurrentUploads,
    backoff,
    foreground,
    track: (running) => work.track(running),
  });
  const documents = new TransferManager({ concurrency: MAX_CONCURRENT_DOCUMENTS, foreground });
  const ranges =
    options.ranges === false ? undefined : new Ranges(options.ranges, { roomAt: transport.blobsAtOnce });
  const root = await OwnedRoot.open({
    root: options.root,
    mode: options.mode,
    content: options.content,
    images: options.images,
    readOnly,
    watch: options.watch,
    logger,
  });
  const onLacking: OpenLayersParts["onLacking"] = (lacking) => {
    logger.warn({ lacking }, "this host cannot make all that layers may have: it is left out");
    root.events.emit("lacking", { lacking });
  };
  const layers = await openLayers(options.layers, { root: resolve(options.root), downloads, onLacking });
  const health = new EndpointHealth({ root: options.root, readOnly, logger });
  const repositories = createRepositories({
    registry,
    credentials,
    send: withTracing(withUserAgent(transport.send, options.userAgent)),
    backoff: documentBackoff(backoff),
    health,
    events: root.events,
    logger,
  });
  const documentReaders = new Semaphore(MAX_DOCUMENT_READERS);
  const ids = new ImageIds(boundedReads(root.content, documentReaders), () => choosePlatform({}).matcher);

  const distribution = new LocalDistribution({
    root,
    finder: new ImageFinder(root.naming, ids),
    content: root.content,
    images: root.naming,
    documents,
    labelTurns: new LabelTurns(),
    documentReaders,
    downloads,
    uploads,
    repositories,
    events: root.events,
    traffic: new Traffic({ events: root.events, logger }),
    transport,
    threads,
    ranges,
    bandwidth,
    mountSources: root.mountSources,
    v1Layers: root.v1Layers,
    abandon: (digests) => root.abandon(digests),
    layers,
    work,
    backoff,
    verify: options.verify,
    transfers: new HookedTransfers(options.transferHooks, logger),
    logger,
  });
  const tell = (event: FailedEvent): void => void root.events.emit("failed", event);
  return guardVerbs(distribution, { tell, readOnly });
}

/** A host takes what it takes; where nobody has said how many at once, this is what the line and the machine take. */
function downloadSlots({
  maxConcurrentDownloads,
  connection,
}: DistributionOptions): Pick<DownloadManagerOptions, "concurrency" | "largeSlots"> {
  if (maxConcurrentDownloads !== undefined) return { concurrency: maxConcurrentDownloads };
  return { concurrency: connection?.maxSockets ?? MAX_SOCKETS, largeSlots: MAX_LARGE_AT_ONCE };
}

/** Unpacking wants the cores, and is what a pull waits for. What somebody else sends is received where that happens. */
function workersOf({ workers, layers, connection }: DistributionOptions): number | undefined {
  if (connection?.send) return 0;
  return workers ?? (layers ? 0 : undefined);
}

/** Who decides what of the content may go has to know all names. */
function checkPlaces({ content, images, layers, readOnly, watch }: DistributionOptions): void {
  if (watch && images)
    throw new ErrInvalidArgument(
      'open distribution: got "watch" with names of another place, which cannot be watched',
    );
  const other = readOnly && ((content && "content") || (images && "images") || (layers && "layers"));
  if (other) {
    const text = `open distribution: got "${other}" together with "readOnly", which reads one data root as it is`;
    throw new ErrInvalidArgument(text);
  }
  if (!images || (content && isCollected(content))) return;
  const wanted = "content that somebody else collects, such as a containerd's";
  throw new ErrInvalidArgument(`open distribution: got names of another place, wanted with them ${wanted}`);
}

function downloadBackoff({ backoff, maxDownloadAttempts }: DistributionOptions): BackoffPolicy {
  const policy = { ...DEFAULT_BACKOFF, ...backoff };
  return { ...policy, maxAttempts: maxDownloadAttempts ?? policy.maxAttempts };
}

/** Somebody waits for a document, and no bytes are lost with it: fewer attempts, closer together. */
function documentBackoff(policy: BackoffPolicy): BackoffPolicy {
  const maxAttempts = Math.min(policy.maxAttempts, MAX_DOCUMENT_ATTEMPTS);
  return { ...policy, maxAttempts, baseMs: policy.baseMs / 2 };
}

function credentialSource(source: CredentialSource | CredentialFiles = anonymous): CredentialSource {
  return typeof source === "function" ? source : storedCredentials(source);
}
