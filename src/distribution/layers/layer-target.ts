import { throwIfAborted } from "../../async/abort.ts";
import { traced } from "../../async/traced.ts";
import { ErrInternal } from "../../errors/classes.ts";
import type { Unpacking } from "../../layer/store/blob-unpacker.ts";
import type { MakeLayerOptions } from "../../layer/store/layer-maker.ts";
import type { LayerStore } from "../../layer/store/layer-store.ts";
import type { LayerSource } from "../../layer/store/prepared-layer.ts";
import {
  type StepSink,
  type Subject,
  type UpdateProgress,
  update,
  waitingFor,
} from "../../progress/progress.ts";
import { TRACES, type UnpackTrace } from "../../progress/tracing.ts";
import type { GrowingBlob, GrowingFile } from "../../xfer/growing-blob.ts";
import type { DownloadDescriptor, LayerPlace, LayerTarget } from "../../xfer/layer.ts";
import type { TransferContext } from "../../xfer/transfer-context.ts";
import { imageUser } from "./image-layers.ts";
import { openGrowingFile } from "./open-growing-file.ts";

/** What is shown of a layer for which there is no thread yet. */
const WAITING = { code: "thread", words: "Waiting for a thread" } as const;

/** Where downloaded blobs become layers of a store: here transfers and layers meet. */
export function layerTarget(store: LayerStore): LayerTarget {
  return {
    getReady: () => store.getReady(),
    get: (chainId, options) => store.get(chainId, options),
    follow: (blob, growing, place, context) => {
      store.getReady();
      const work: Work<() => Promise<void>> = (source, options) => store.prepare(source, place, options);
      return tracedStep("prepare", blob, place, () => follow(blob, growing, context, work));
    },
    register: (blob, place, context) =>
      tracedStep("register", blob, place, () =>
        withSource(blob, context, (source, options) => store.register(source, place, options)),
      ),
    keep: (config, chainId, options) => store.use(imageUser(config), chainId, options),
    release: (layer) => store.release(layer),
  };
}

/** Makes a layer of a blob while it comes, and once more of the verified one if that fails. */
async function follow<T>(
  blob: DownloadDescriptor,
  growing: GrowingBlob,
  context: TransferContext,
  work: Work<T>,
): Promise<T> {
  let failed: GrowingFile | undefined;
  for (;;) {
    const file = await growing.next(failed, context);
    if (!file) return await withSource(blob, context, work);
    try {
      return await withGrowingSource(blob, { growing, file }, context, work);
    } catch {
      // Whether the bytes, the layer or the disk was bad turns out when the same is done with a blob that was verified.
      throwIfAborted(context.signal);
      failed = file;
    }
  }
}

function tracedStep<T>(
  step: UnpackTrace["step"],
  { digest }: DownloadDescriptor,
  { chainId }: LayerPlace,
  work: () => Promise<T>,
): Promise<T> {
  return traced(TRACES.unpack, {
    contextOf: (startedAtMs) => ({ startedAtMs, digest, chainId, step }),
    work,
  });
}

type Work<T> = (source: LayerSource, options: MakeLayerOptions) => Promise<T>;

/** The blob, open as long as `work` makes a layer of it. */
async function withSource<T>(
  blob: DownloadDescriptor,
  { signal, progress, waiter }: TransferContext,
  work: Work<T>,
): Promise<T> {
  const { id, diffId, digest } = blob;
  await using bytes = await blob.open?.({ signal });
  if (!diffId || !bytes) throw new ErrInternal(`register layer ${id}: its diffID or its blob is not known`);
  const { path, size } = bytes;
  const onProgress = (done: Unpacking): void => progress(extracting({ id, digest }, done, size));
  const onWait = (): void => progress(waitingFor({ id, digest }, WAITING));
  const source = { diffId, digest, blob: path === undefined ? { bytes } : { path } };
  return await work(source, { signal, waiter, onProgress, onWait });
}

/** The same with a blob that is on its way. Its extraction is shown when the download has nothing more to show. */
async function withGrowingSource<T>(
  { id, diffId, digest }: DownloadDescriptor,
  { growing, file }: { readonly growing: GrowingBlob; readonly file: GrowingFile },
  { signal, progress, waiter }: TransferContext,
  work: Work<T>,
): Promise<T> {
  if (!diffId) throw new ErrInternal(`register layer ${id}: its diffID is not known`);
  const { size, available } = file;
  using open = openGrowingFile(file.path);
  const verified = (): Promise<void> => growing.whole({ signal });
  const source = { diffId, digest, blob: { growing: { path: open.path, size, available, verified } } };
  using shown = new LastShown(growing, progress);
  return await work(source, {
    signal,
    waiter,
    onProgress: (done) => shown.show(extracting({ id, digest }, done, size)),
    onWait: () => shown.show(waitingFor({ id, digest }, WAITING)),
  });
}

/** Shows how far an extraction is, once the download of the blob has nothing more to show. */
class LastShown implements Disposable {
  readonly #growing: GrowingBlob;
  readonly #progress: StepSink;
  #withheld: UpdateProgress | undefined;

  constructor(growing: GrowingBlob, progress: StepSink) {
    this.#growing = growing;
    this.#progress = progress;
    growing.whole({}).then(
      () => this.#withheld && this.#progress(this.#withheld),
      () => {}, // it is told by who waits for it
    );
  }

  show(item: UpdateProgress): void {
    if (this.#growing.isWhole) this.#progress(item);
    this.#withheld = this.#growing.isWhole ? undefined : item;
  }

  /** What was withheld of an extraction that failed is of no interest. */
  [Symbol.dispose](): void {
    this.#withheld = undefined;
  }
}

function extracting(subject: Subject, { bytes, entries }: Unpacking, size: number): UpdateProgress {
  return { ...update(subject, "Extracting", bytes, size), entries };
}
