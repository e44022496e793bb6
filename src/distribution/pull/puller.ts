import type { Limiter } from "../../async/semaphore.ts";
import type { Bandwidth } from "../../bandwidth/bandwidth.ts";
import type { Store } from "../../content/store.ts";
import type { Digest } from "../../digest/digest.ts";
import type { PlatformChoice } from "../../images/image-graph.ts";
import type { ImageStore } from "../../images/image-store.ts";
import type { LabelTurns } from "../../images/label-turns.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { NormalizedReference } from "../../reference/reference.ts";
import type { RangeSource } from "../../remotes/ranges/range-sources.ts";
import type { Ranges } from "../../remotes/ranges/ranges.ts";
import type { Remote } from "../../remotes/remote.ts";
import type { TransferThreads } from "../../remotes/threads/transfer-threads.ts";
import type { LayerDownloadManager } from "../../xfer/download-manager.ts";
import type { TransferManager } from "../../xfer/transfer-manager.ts";
import type { PulledImage } from "../api/distribution.ts";
import type { Logger } from "../api/logger.ts";
import type { Operation } from "../api/operation.ts";
import type { VerifyImage } from "../api/verify.ts";
import type { ImageLayers } from "../layers/unpacked-images.ts";
import type { MountSourceStore } from "../mounts/mount-source-store.ts";
import type { HookedTransfers } from "../operations/hooked-transfers.ts";
import type { OpenWork } from "../operations/open-work.ts";
import type { IncomingAccount, Traffic } from "../operations/traffic.ts";
import type { Verifiers } from "../operations/verify-image.ts";
import type { V1LayerStore } from "../root/v1-layer-store.ts";
import type { PullProgress } from "./pull-progress.ts";

/** The parts of an engine that all pulls share. */
export interface PullShared {
  readonly content: Store;
  readonly images: ImageStore;
  /** Transfers of manifests, indexes and configs: small, never queued behind layers. */
  readonly documents: TransferManager;
  /** Whose turn it is to write the labels of a blob. */
  readonly labelTurns: LabelTurns;
  /** How many manifests, indexes and configs of the store are open at once. */
  readonly documentReaders: Limiter;
  /** Transfers of layers. */
  readonly downloads: LayerDownloadManager;
  /** Which content layers of version 1 are. */
  readonly v1Layers: V1LayerStore;
  /** Remembers content that is of no use, to be removed once nobody works here. */
  readonly abandon: (digests: readonly Digest[]) => Promise<void>;
  /** Which repositories have layers that are here only unpacked. */
  readonly mountSources: MountSourceStore;
  /** Told which endpoint brings what. */
  readonly traffic: Traffic;
  /** In which blobs may be received. */
  readonly threads: TransferThreads;
  /** How large blobs come in ranges; `undefined`: they do not. */
  readonly ranges: Ranges | undefined;
  /** How fast blobs may come. */
  readonly bandwidth: Bandwidth;
  /** Where images are unpacked to, by pulls that want it; absent where the engine has no layers. */
  readonly layers: ImageLayers | undefined;
  /** Counts what is fetched. */
  readonly work: OpenWork;
  /** Asked for all pulls, before the first byte of a layer, whether an image may come. */
  readonly verify: VerifyImage | undefined;
  /** What the engine calls around transfers. */
  readonly transfers: HookedTransfers;
  readonly logger: Logger;
}

/** What one pull works with at one endpoint. */
export interface PullContext {
  readonly shared: PullShared;
  readonly remote: Remote;
  readonly operation: Operation;
  readonly platform: PlatformChoice;
  /** Opens other endpoints that blobs may come from at the same time. */
  readonly beside?: (() => Promise<readonly RangeSource[]>) | undefined;
  /** Of what endpoints bring for this pull. */
  readonly account: IncomingAccount;
  /** Told what is to come, and how far it has. */
  readonly progress: PullProgress;
  /** Where images are unpacked to; absent where they are not. */
  readonly layers: ImageLayers | undefined;
  /** Whether blobs of layers are wanted once these are unpacked. */
  readonly keepsBlobs: boolean;
  /** Who says whether an image may come. */
  readonly verifiers: Verifiers;
}

/** What pulling one name gives, wherever it came from. */
export type NamedImage = Omit<PulledImage, "endpoint">;

/**
 * Brings one tag or digest into the store and names it.
 * @param promised what the reference means, where that was found out at another endpoint
 */
export type Puller = (reference: NormalizedReference, promised?: Descriptor) => Promise<NamedImage>;
