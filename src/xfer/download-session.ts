import { type AbortOptions, abortable, throwIfAborted } from "../async/abort.ts";
import { allOrAbort } from "../async/all-or-abort.ts";
import { goOnInTurn, waitForRoom } from "../async/turn-room.ts";
import { ErrUnknown } from "../errors/classes.ts";
import { chainIds } from "../oci/chain-id.ts";
import { type StepSink, update, waitingFor } from "../progress/progress.ts";
import { transferBlob } from "./blob-transfer.ts";
import type { BlobGrowth, BlobGrowths } from "./growing-blob.ts";
import { HeadStarts } from "./head-starts.ts";
import type { DownloadDescriptor, Layer, LayerPlace, LayerTarget } from "./layer.ts";
import { prepareLayer, type RegisteredLayer, registerLayer } from "./layer-registration.ts";
import type { LivePriority, Priority } from "./live-priority.ts";
import type { RetryPacing } from "./repeat-attempts.ts";
import { ofSource, transferShared } from "./shared-transfer.ts";
import type { Tenant } from "./slot-limits.ts";
import type { TransferManager } from "./transfer-manager.ts";

/** What all downloads of a manager share. */
export interface DownloadEngine extends RetryPacing {
  /** By the key of the blob; limited. */
  readonly blobs: TransferManager;
  /** How those blobs come. */
  readonly growths: BlobGrowths;
  /** By chain ID; not limited, because they wait for nothing from outside. */
  readonly registrations: TransferManager;
  readonly target: LayerTarget | undefined;
}

/** What one download wants. */
export interface SessionOptions extends AbortOptions {
  /** Must not throw. */
  readonly show: StepSink;
  /** Whether only the waits of transfers are shown. */
  readonly waitsOnly: boolean | undefined;
  readonly priority: Priority | LivePriority;
  /** Whom the slots are for. */
  readonly tenant: Tenant;
}

/** Where a layer is registered. */
interface Place extends LayerPlace {
  readonly target: LayerTarget;
}

/** A blob that a download has a share in. */
interface SharedBlob {
  readonly transferred: Promise<void>;
  readonly growth: BlobGrowth;
}

/** How a layer is registered. */
interface RegisterOptions {
  /** Whether its progress is shown. */
  readonly shown: boolean;
  readonly signal: AbortSignal;
}

/** A layer of this download; without `place` only its blob is wanted. */
interface Step {
  readonly descriptor: DownloadDescriptor;
  readonly place: Place | undefined;
}

/** What is prepared, of a blob that is here, or grows. */
interface Preparation {
  readonly descriptor: DownloadDescriptor;
  readonly place: Place;
  readonly growth?: BlobGrowth;
}

/** The layer below another one. */
interface Below {
  /** Whether it is registered, or nothing is to be registered. */
  isThere: boolean;
  readonly completed: Promise<unknown>;
}

/** One call of `LayerDownloadManager.download`: what it has found so far and what it holds. */
export class DownloadSession {
  readonly #engine: DownloadEngine;
  readonly #options: SessionOptions;
  /** This call's share in the blobs, by key: a blob that an image has twice comes once and is shown once. */
  readonly #blobs = new Map<string, SharedBlob>();
  readonly #held: Array<() => Promise<void>> = [];
  readonly #growths: Array<() => void> = [];
  readonly #headStarts: HeadStarts;
  #released: Promise<void> | undefined;

  constructor(engine: DownloadEngine, options: SessionOptions) {
    this.#engine = engine;
    this.#options = options;
    this.#headStarts = new HeadStarts(engine.clock);
  }

  /** Brings all layers in, bottom to top; gives those that were registered. */
  async run(layers: readonly DownloadDescriptor[]): Promise<readonly Layer[]> {
    throwIfAborted(this.#options.signal);
    const steps = plan(layers, this.#engine.target);
    const existing = await this.#findExisting(steps);
    await waitForRoom("goesOn", this.#options); // many may want the same layers, and have learnt at once that they are not here
    const completed = await this.#completeAll(steps.slice(existing.length));
    return [...existing, ...completed].filter((layer) => layer !== undefined);
  }

  /** Gives back everything it holds, upper layers first. Throws when the target could not take a layer back. */
  release(): Promise<void> {
    if (!this.#released) {
      this.#released = releaseAll(this.#held.toReversed());
      for (const letGo of this.#growths) letGo(); // in the same moment: whoever comes now finds neither
    }
    return this.#released;
  }

  /** One entry per layer from the bottom that needs nothing. The first missing one ends the search, as in moby. */
  async #findExisting(steps: readonly Step[]): Promise<Array<Layer | undefined>> {
    const existing: Array<Layer | undefined> = [];
    const shown = new Set<string>();
    for (const { descriptor, place } of steps) {
      const layer = place && (await this.#getLayer(place));
      const found = layer !== undefined || (!place && (await this.#hasBlob(descriptor)));
      throwIfAborted(this.#options.signal);
      if (!found) break;
      existing.push(layer);
      if (!shown.has(descriptor.key)) this.#show(descriptor, "Already exists");
      shown.add(descriptor.key);
    }
    return existing;
  }

  async #getLayer({ target, chainId }: Place): Promise<Layer | undefined> {
    const layer = await target.get(chainId, { signal: this.#options.signal });
    if (layer) this.#held.push(() => target.release(layer));
    return layer;
  }

  async #hasBlob(descriptor: DownloadDescriptor): Promise<boolean> {
    if (this.#blobs.has(descriptor.key)) return true;
    const exists = await descriptor.exists({ signal: this.#options.signal });
    if (exists) this.#shareBlob(descriptor, () => Promise.resolve());
    return exists;
  }

  /** Blobs side by side, registrations one upon the other; the first failure of any ends all. */
  #completeAll(steps: readonly Step[]): Promise<Array<Layer | undefined>> {
    let below: Below = { isThere: true, completed: Promise.resolve() };
    const tasks = steps.map((step) => (signal: AbortSignal) => {
      const completed = this.#complete(step, below, signal);
      const own: Below = { isThere: false, completed };
      completed.then(
        () => (own.isThere = true),
        () => {}, // told by who waits for it
      );
      below = own;
      return completed;
    });
    return allOrAbort(tasks, { signal: this.#options.signal });
  }

  async #complete(
    { descriptor, place }: Step,
    below: Below,
    signal: AbortSignal,
  ): Promise<Layer | undefined> {
    const shared = this.#blobs.get(descriptor.key);
    const blob =
      shared ?? this.#shareBlob(descriptor, (growth) => this.#transferBlob(descriptor, growth, signal));
    const options = { shown: !shared, signal };
    if (place?.target.follow) {
      const prepared = this.#prepare({ descriptor, place, growth: blob.growth }, options);
      await goOnInTurn(Promise.all([prepared, blob.transferred]), "finishes", { signal });
    } else {
      await goOnInTurn(blob.transferred, "finishes", { signal });
      if (place?.target.prepare) await this.#prepare({ descriptor, place }, options);
    }
    if (place && !below.isThere && !shared) {
      this.#options.show(waitingFor(descriptor, { code: "layer", words: "Waiting for the layer below" }));
    }
    if (place) await below.completed;
    const layer = place && (await this.#register(descriptor, place, options));
    if (!shared) this.#show(descriptor, "Pull complete");
    return layer;
  }

  #shareBlob({ key }: DownloadDescriptor, transfer: (growth: BlobGrowth) => Promise<void>): SharedBlob {
    const [growth, letGo] = this.#engine.growths.hold(key);
    this.#growths.push(letGo);
    const transferred = transfer(growth).then(() => growth.complete());
    const blob = { transferred, growth };
    this.#blobs.set(key, blob);
    return blob;
  }

  async #transferBlob(
    descriptor: DownloadDescriptor,
    growth: BlobGrowth,
    signal: AbortSignal,
  ): Promise<void> {
    this.#show(descriptor, "Pulling fs layer");
    const transfer = (): Promise<void> => this.#transferAtOnce(descriptor, growth, signal);
    if (!this.#engine.target?.isSequential || !descriptor.isLarge) return await transfer();
    const onWait = (): void => this.#show(descriptor, "Waiting");
    await this.#headStarts.run(transfer, { signal, onWait });
  }

  #transferAtOnce(descriptor: DownloadDescriptor, growth: BlobGrowth, signal: AbortSignal): Promise<void> {
    const { show: onProgress, waitsOnly, priority, tenant } = this.#options;
    const { host, isLarge, isBrief } = descriptor;
    const waiting = waitingFor(descriptor, { code: "slot", words: "Waiting" });
    const wanted = { signal, onProgress, waitsOnly, priority, tenant, waiting, host, isLarge, isBrief };
    return transferShared(
      this.#engine.blobs,
      descriptor.key,
      (job) => transferBlob(descriptor, job, this.#engine, growth),
      { ...wanted, ...ofSource(descriptor) },
    );
  }

  /** What is prepared is held until the end: by then it is registered. */
  async #prepare(
    { descriptor, place: { target, ...place }, growth }: Preparation,
    { shown, signal }: RegisterOptions,
  ): Promise<void> {
    throwIfAborted(signal);
    const { registrations, clock } = this.#engine;
    const watcher = registrations.transfer(
      // Another blob of the same layer may come, or not come, at its own pace.
      `prepare ${place.chainId} of ${descriptor.key}`,
      (job) => prepareLayer({ descriptor, growth, ...place }, job, { target, clock }),
      { onProgress: shown ? this.#options.show : undefined },
    );
    this.#held.push(() => watcher.release());
    await abortable(watcher.done, signal);
  }

  async #register(
    descriptor: DownloadDescriptor,
    { target, chainId, parent }: Place,
    { shown, signal }: RegisterOptions,
  ): Promise<Layer> {
    throwIfAborted(signal);
    const { registrations, clock } = this.#engine;
    const watcher = registrations.transfer(
      chainId,
      (job) => registerLayer({ descriptor, chainId, parent }, job, { target, clock }),
      { onProgress: shown ? this.#options.show : undefined },
    );
    let registered: RegisteredLayer | undefined;
    const leave = (): Promise<void> => watcher.release();
    this.#held.push(() => (registered ? registered.drop(leave) : leave()));
    registered = await abortable(watcher.done, signal);
    registered.hold();
    return registered.layer;
  }

  #show(descriptor: DownloadDescriptor, action: string): void {
    if (!this.#options.waitsOnly) this.#options.show(update(descriptor, action, 0, 0));
  }
}

/** The places of all layers, or none: a chain with a gap has no chain IDs. */
function plan(layers: readonly DownloadDescriptor[], target: LayerTarget | undefined): Step[] {
  const diffIds = layers.map((descriptor) => descriptor.diffId).filter((diffId) => diffId !== undefined);
  const chain = target && diffIds.length === layers.length ? chainIds(diffIds) : [];
  return layers.map((descriptor, index) => {
    const id = chain[index];
    return {
      descriptor,
      place: target && id ? { target, chainId: id, parent: chain[index - 1] } : undefined,
    };
  });
}

async function releaseAll(held: ReadonlyArray<() => Promise<void>>): Promise<void> {
  const results = await Promise.allSettled(held.map(async (release) => await release()));
  const errors: unknown[] = results
    .filter((result) => result.status === "rejected")
    .map((result) => result.reason);
  if (errors.length === 0) return;
  throw new ErrUnknown(`Release layers: ${errors.length} of ${held.length} failed`, {
    cause: errors[0],
    errors,
  });
}
