import type { Clock } from "../async/clock.ts";
import { throttleProgress } from "../progress/progress-throttle.ts";
import type { GrowingBlob } from "./growing-blob.ts";
import type { Job } from "./job.ts";
import type { DownloadDescriptor, Layer, LayerPlace, LayerTarget } from "./layer.ts";

/** A layer whose blob is there, and its place in the chain. */
export interface Registration extends LayerPlace {
  readonly descriptor: DownloadDescriptor;
}

/** The same, of a blob that may still be on its way. */
export interface Preparation extends Registration {
  readonly growth?: GrowingBlob | undefined;
}

/** Where it is registered, and by which clock its progress is thinned out. */
export interface RegistrationPlace {
  readonly target: LayerTarget;
  readonly clock: Clock;
}

/** A registered layer, and the one reference to it that all watchers of its job share. */
export class RegisteredLayer {
  readonly layer: Layer;
  readonly #gone: Promise<void>;
  #holders = 0;
  #isHeard = false;

  /** @param gone settles when the layer was given back, after the last watcher has left */
  constructor(layer: Layer, gone: Promise<void>) {
    this.layer = layer;
    this.#gone = gone;
    gone.catch((error: unknown) => {
      if (!this.#isHeard) reportUnreleased(error);
    });
  }

  /** Counts one more who holds it. */
  hold(): void {
    this.#holders++;
  }

  /**
   * Lets one holder go by `leave`, which releases his watcher. For the last one it resolves when the layer was given back,
   * and rejects when the target could not take it.
   */
  async drop(leave: () => Promise<void>): Promise<void> {
    this.#holders--;
    const isLast = this.#holders === 0;
    if (isLast) this.#isHeard = true;
    await leave();
    if (isLast) await this.#gone;
  }
}

/**
 * The work of the job that goes before a registration and waits for no other layer. What it has made is thrown away when the
 * last watcher has left, unless it was registered by then.
 */
export async function prepareLayer(
  { descriptor, growth, chainId, parent }: Preparation,
  job: Job,
  { target, clock }: RegistrationPlace,
): Promise<void> {
  const { signal } = job;
  const progress = throttleProgress((item) => job.progress(item), clock);
  const context = { signal, progress, waiter: job.waiter(descriptor) };
  const place = { chainId, parent };
  const discard = growth
    ? await target.follow?.(descriptor, growth, place, context)
    : await target.prepare?.(descriptor, place, context);
  if (discard) job.released.then(discard).catch(reportUnreleased);
}

/**
 * The work of a registration's job. The job holds one reference to the layer for all its watchers, and drops it when the
 * last of them has left. The parent is held by each watcher itself.
 */
export async function registerLayer(
  { descriptor, chainId, parent }: Registration,
  job: Job,
  { target, clock }: RegistrationPlace,
): Promise<RegisteredLayer> {
  const { signal } = job;
  // Another call may have registered it since this one looked; asking costs less than unpacking twice.
  const existing = await target.get(chainId, { signal });
  const progress = throttleProgress((item) => job.progress(item), clock);
  const layer =
    existing ??
    (await target.register(
      descriptor,
      { chainId, parent },
      { signal, progress, waiter: job.waiter(descriptor) },
    ));
  return new RegisteredLayer(
    layer,
    job.released.then(() => target.release(layer)),
  );
}

/** A layer that could not be given back stays on disk, and nobody waits for this error any more: the process is told. */
export function reportUnreleased(error: unknown): void {
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.emitWarning("Releasing a layer failed, it may stay on disk", {
    type: "DrayageLayerWarning",
    detail,
  });
}
