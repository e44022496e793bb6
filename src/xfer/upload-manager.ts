import { type AbortOptions, throwIfAborted } from "../async/abort.ts";
import { allOrAbort } from "../async/all-or-abort.ts";
import { type BackoffPolicy, DEFAULT_BACKOFF } from "../async/backoff.ts";
import { type Clock, systemClock } from "../async/clock.ts";
import type { Payer } from "../bandwidth/payers.ts";
import { guardSink } from "../progress/guard-sink.ts";
import { type StepProgress, type StepSink, update, waitingFor } from "../progress/progress.ts";
import type { Job } from "./job.ts";
import type { LivePriority, Priority } from "./live-priority.ts";
import { type RetryPacing, repeatAttempts } from "./repeat-attempts.ts";
import { ofSource, transferShared } from "./shared-transfer.ts";
import type { SlotLimits } from "./slot-limits.ts";
import type { MovingContext } from "./transfer-context.ts";
import { TransferManager } from "./transfer-manager.ts";
import type { UploadDescriptor } from "./upload.ts";

/** Blobs uploaded at the same time by default: docker's `max-concurrent-uploads`. */
const DEFAULT_CONCURRENCY = 5;

/** What an upload manager is made of. */
export interface UploadManagerOptions extends Pick<SlotLimits, "foreground"> {
  /**
   * Blobs at the same time, for all uploads together; 0 means no limit. Not used with `transfers`.
   * @unit blobs
   * @defaultValue 5
   * @example concurrency: 2
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
   * Gets the work for each blob, which may outlast the calls of `upload`: for whoever has to wait for all of it.
   * @defaultValue nobody gets it
   * @example track: (work) => work
   */
  readonly track?: (<T>(work: Promise<T>) => Promise<T>) | undefined;
  /**
   * Carries the blobs, when something else shares its slots.
   * @defaultValue one of its own
   * @example transfers: new TransferManager({ concurrency: 4 })
   */
  readonly transfers?: TransferManager | undefined;
}

/** How one upload runs. */
export interface UploadOptions extends AbortOptions {
  /**
   * Status of each blob in docker's words; a sink that fails is called no more and does not fail the upload.
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
   * As in `DownloadOptions`.
   * @defaultValue a group of its own, as in `DownloadOptions`
   * @example group: "tenant-7"
   */
  readonly group?: string | symbol | undefined;
  /**
   * On whose account the bytes move.
   * @hidden no door has what it takes
   */
  readonly payer?: Payer | undefined;
}

/**
 * Uploads the blobs of images for any number of callers at once (moby's `xfer.LayerUploadManager`). A blob is transferred
 * once for all who bring it to the same repository, with the attempts that `repeatAttempts` makes. Statuses of a blob:
 * "Preparing", "Waiting" while it is queued, what the descriptor says ("Pushing"), "Retrying in N seconds", and the one that
 * the descriptor ends on ("Pushed", "Layer already exists", "Mounted from ...").
 */
export class LayerUploadManager {
  readonly #transfers: TransferManager;
  readonly #pacing: RetryPacing;
  readonly #track: <T>(work: Promise<T>) => Promise<T>;

  /** Throws `ErrInvalidArgument` for a concurrency that is not a whole number from 0. */
  constructor(options: UploadManagerOptions = {}) {
    const { clock, foreground, concurrency = DEFAULT_CONCURRENCY } = options;
    this.#transfers = options.transfers ?? new TransferManager({ concurrency, clock, foreground });
    this.#pacing = { backoff: options.backoff ?? DEFAULT_BACKOFF, clock: options.clock ?? systemClock };
    this.#track = options.track ?? ((work) => work);
  }

  /**
   * Brings all `blobs` to where they belong, each key once. The first failure of any, or the signal, ends the upload at
   * once: it leaves all its transfers (those that other uploads share go on) and rejects with that first error, or with the
   * abort error. moby notices a failure only when it has waited for every blob before it.
   */
  async upload(blobs: readonly UploadDescriptor[], options: UploadOptions = {}): Promise<void> {
    const { signal, priority, group, payer, onProgress = () => {} } = options;
    const tenant = { group, payer };
    throwIfAborted(signal);
    const show = guardSink<StepProgress>(onProgress);
    const byKey = new Map<string, UploadDescriptor>();
    for (const blob of blobs) {
      show(update(blob, "Preparing", 0, 0));
      if (!byKey.has(blob.key)) byKey.set(blob.key, blob);
    }
    const tasks = Array.from(
      byKey.values(),
      (blob) => (abort: AbortSignal) =>
        transferShared(this.#transfers, blob.key, (job) => this.#track(this.#transfer(blob, job)), {
          signal: abort,
          onProgress: show,
          priority,
          tenant,
          waiting: waitingFor(blob, { code: "slot", words: "Waiting" }),
          ...ofSource(blob),
        }),
    );
    await allOrAbort(tasks, { signal });
  }

  /** Whether an upload of this key is under way, or waits. */
  has(key: string): boolean {
    return this.#transfers.has(key);
  }

  /** Blobs that have a slot. */
  get running(): number {
    return this.#transfers.running;
  }

  /** Blobs that wait for one. */
  get waiting(): number {
    return this.#transfers.waiting;
  }

  /** Changes the number of blobs at the same time, at once and both ways; see `TransferManager.setConcurrency`. */
  setConcurrency(concurrency: number): void {
    this.#transfers.setConcurrency(concurrency);
  }

  async #transfer(blob: UploadDescriptor, job: Job): Promise<void> {
    try {
      const work = { subject: blob, attempt: (context: MovingContext) => blob.upload(context) };
      const status = await repeatAttempts(work, job, this.#pacing);
      job.progress(update(blob, status, 0, 0));
    } catch (error) {
      if (blob.abandon) void this.#track(blob.abandon()); // the slot and the error need not wait for it
      throw error;
    }
  }
}
