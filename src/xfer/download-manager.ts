import type { AbortOptions } from "../async/abort.ts";
import { type BackoffPolicy, DEFAULT_BACKOFF } from "../async/backoff.ts";
import { type Clock, systemClock } from "../async/clock.ts";
import type { Payer } from "../bandwidth/payers.ts";
import { guardSink } from "../progress/guard-sink.ts";
import type { StepProgress, StepSink } from "../progress/progress.ts";
import { type DownloadEngine, DownloadSession } from "./download-session.ts";
import { BlobGrowths } from "./growing-blob.ts";
import type { DownloadDescriptor, Layer, LayerTarget } from "./layer.ts";
import { reportUnreleased } from "./layer-registration.ts";
import type { LivePriority, Priority } from "./live-priority.ts";
import type { SlotLimits } from "./slot-limits.ts";
import { TransferManager } from "./transfer-manager.ts";

/** Blobs downloaded at the same time by default: docker's `max-concurrent-downloads`. */
const DEFAULT_CONCURRENCY = 3;

/** What a download manager is made of. */
export interface DownloadManagerOptions extends SlotLimits {
  /**
   * Where blobs become layers.
   * @defaultValue nothing is registered: a layer is complete when its blob is in
   * @example target: containerd.layers
   */
  readonly target?: LayerTarget | undefined;
  /**
   * Blobs at the same time, for all downloads together; 0 means no limit. Not used with `transfers`.
   * @unit blobs
   * @defaultValue 3
   * @example concurrency: 8
   */
  readonly concurrency?: number | undefined;
  /**
   * How long to wait between attempts, and how many there are.
   * @defaultValue `DEFAULT_BACKOFF`: five attempts with full jitter
   * @example backoff: { ...DEFAULT_BACKOFF, maxAttempts: 3 }
   */
  readonly backoff?: BackoffPolicy | undefined;
  /**
   * Measures the pauses between attempts.
   * @defaultValue the machine's
   * @avoid outside of tests
   * @example clock
   */
  readonly clock?: Clock | undefined;
  /**
   * Carries the blobs, when something else shares its slots.
   * @defaultValue one of its own
   * @example transfers: new TransferManager({ concurrency: 4 })
   */
  readonly transfers?: TransferManager | undefined;
}

/** What managers share that share their transfers. */
interface SharedOptions extends DownloadManagerOptions {
  /**
   * Shared by managers that share their blobs.
   * @hidden no door has what it takes
   */
  readonly growths?: BlobGrowths | undefined;
}

/** How one download runs. */
export interface DownloadOptions extends AbortOptions {
  /**
   * Status of each layer in docker's words; a sink that fails is called no more and does not fail the download.
   * @defaultValue nobody is told
   * @example onProgress: ({ kind, id }) => console.log(kind, id)
   */
  readonly onProgress?: StepSink | undefined;
  /**
   * Among blobs that wait for a slot, higher goes first.
   * @unit none, any finite number
   * @defaultValue 0
   * @example priority: 10
   */
  readonly priority?: Priority | LivePriority | undefined;
  /**
   * Downloads of one group get as many slots together as one that has no group, when some of equal priority wait.
   * @defaultValue a group of its own
   * @example group: "tenant-7"
   */
  readonly group?: string | symbol | undefined;
  /**
   * Whether only the waits of transfers are shown, see `TransferOptions`.
   * @hidden for operations of which nobody is told
   */
  readonly waitsOnly?: boolean | undefined;
  /**
   * On whose account the bytes move.
   * @hidden no door has what it takes
   */
  readonly payer?: Payer | undefined;
}

/** Layers that are there, and held until they are released. */
export interface LayerDownload extends AsyncDisposable {
  /** The registered layers, bottom to top; empty when nothing was to be registered. */
  readonly layers: readonly Layer[];
  /** Gives all layers back, once. Throws when the target could not take one back. */
  release(): Promise<void>;
}

/**
 * Downloads the layers of images for any number of callers at once (moby's `xfer.LayerDownloadManager`). A blob is
 * transferred once for all who want it, whatever image it belongs to; a layer is registered once per chain ID. Statuses of
 * a layer: "Already exists", or "Pulling fs layer", "Waiting" while it is queued, what the descriptor says ("Downloading",
 * "Verifying Checksum"), "Retrying in N seconds", "Download complete", what the target says ("Extracting"), "Waiting for the layer below", "Pull complete".
 */
export class LayerDownloadManager {
  readonly #engine: DownloadEngine;

  /** Throws `ErrInvalidArgument` for a concurrency that is not a whole number from 0. */
  constructor(options: SharedOptions = {}) {
    const { target, clock, largeSlots, roomAt, briefEach, foreground } = options;
    const { concurrency = DEFAULT_CONCURRENCY } = options;
    this.#engine = {
      target,
      blobs:
        options.transfers ??
        new TransferManager({ concurrency, clock, largeSlots, roomAt, briefEach, foreground }),
      growths: options.growths ?? new BlobGrowths(),
      registrations: new TransferManager({ concurrency: 0 }),
      backoff: options.backoff ?? DEFAULT_BACKOFF,
      clock: clock ?? systemClock,
    };
  }

  /**
   * Brings `layers` in, listed bottom to top, and registers them when there is a target and every diffID is known. Blobs
   * come in parallel; a layer is registered after its parent. The caller must release the result.
   *
   * The first failure of any layer, or the signal, ends the download at once: it leaves all its transfers (those that other
   * downloads share go on) and gives back what it held. Rejects with that first error, or with the abort error.
   */
  async download(
    layers: readonly DownloadDescriptor[],
    options: DownloadOptions = {},
  ): Promise<LayerDownload> {
    const { signal, onProgress = () => {}, waitsOnly, priority = 0, group, payer } = options;
    const show = guardSink<StepProgress>(onProgress);
    const tenant = { group, payer };
    const session = new DownloadSession(this.#engine, { signal, priority, tenant, show, waitsOnly });
    const release = (): Promise<void> => session.release();
    try {
      return { layers: await session.run(layers), release, [Symbol.asyncDispose]: release };
    } catch (error) {
      await release().catch(reportUnreleased); // the failure that led here is the one to tell
      throw error;
    }
  }

  /** A manager that makes layers of the blobs at `target`, and shares its transfers, and their limit, with this one. */
  registeringAt(target: LayerTarget): LayerDownloadManager {
    const { blobs: transfers, growths, backoff, clock } = this.#engine;
    return new LayerDownloadManager({ target, transfers, growths, backoff, clock });
  }

  /** Whether the blob of that key is on its way, or waits for its turn: a download that wants it too would share it. */
  has(key: string): boolean {
    return this.#engine.blobs.has(key);
  }

  /** Blobs that have a slot. */
  get running(): number {
    return this.#engine.blobs.running;
  }

  /** Blobs that wait for one. */
  get waiting(): number {
    return this.#engine.blobs.waiting;
  }

  /** Changes the number of blobs at the same time, at once and both ways; see `TransferManager.setConcurrency`. */
  setConcurrency(concurrency: number): void {
    this.#engine.blobs.setConcurrency(concurrency);
  }

  /** Has to be called when a host takes more at once than before; see `TransferManager.serve`. */
  serve(): void {
    this.#engine.blobs.serve();
  }
}
