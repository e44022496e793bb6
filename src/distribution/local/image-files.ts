import { systemClock } from "../../async/clock.ts";
import { exists } from "../../content/exists.ts";
import { readVerified } from "../../content/read-verified.ts";
import { type Digest, shortId } from "../../digest/digest.ts";
import { ErrNotFound } from "../../errors/classes.ts";
import type { ImageEntry } from "../../layer/reading/image-entries.ts";
import type { ReadableLayer } from "../../layer/reading/readable-layer.ts";
import type { LayerStore } from "../../layer/store/layer-store.ts";
import { chainIds } from "../../oci/chain-id.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { update } from "../../progress/progress.ts";
import { throttleProgress } from "../../progress/progress-throttle.ts";
import type { ExtractedImage, ReadImageOptions } from "../api/distribution.ts";
import { type Operation, startOperation } from "../api/operation.ts";
import type { RootLayers } from "../layers/image-layers.ts";
import { type LocalImage, type LocalImages, localImage } from "./local-image.ts";

/** What images are read with. */
export interface ReadingContext extends LocalImages {
  /** Unpacked layers, for those whose blobs are gone. */
  readonly rootLayers: RootLayers;
}

/** What is in an image that is here. Throws what `Distribution.list` throws. */
export async function listImage(
  context: ReadingContext,
  reference: string,
  options: ReadImageOptions,
): Promise<AsyncIterable<ImageEntry>> {
  const { readImage } = await import("../../layer/reading/read-image.ts");
  const { imageEntries } = await import("../../layer/reading/image-entries.ts");
  const operation = startOperation(options);
  const { selection, limits } = await wayToRead(options);
  const { platform } = options;
  const { signal } = operation;
  const image = await localImage(context, reference, { action: "list", platform }, operation);
  await using layers = await ReadableLayers.open(context, image, { action: "list", operation });
  const tree = await readImage(layers.list, { limits, signal });
  return imageEntries(tree, layers.list, { ...selection, signal });
}

/** Makes files of an image that is here. Throws what `Distribution.extract` throws. */
export async function extractFiles(
  context: ReadingContext,
  image: LocalImage,
  directory: string,
  { options, operation }: { readonly options: ReadImageOptions; readonly operation: Operation },
): Promise<ExtractedImage> {
  const { extractImage } = await import("../../layer/reading/extract-image.ts");
  const { selection, limits } = await wayToRead(options);
  await using layers = await ReadableLayers.open(context, image, { action: "extract", operation });
  const { signal } = operation;
  const { missing, ...outcome } = await extractImage(layers.list, directory, {
    ...selection,
    limits,
    signal,
  });
  return {
    name: image.name,
    config: image.config.digest,
    ...outcome,
    missing: [...layers.missing, ...missing],
  };
}

/** What of an image is read, and within which limits. */
async function wayToRead(options: ReadImageOptions) {
  const { DEFAULT_LIMITS: limits } = await import("../../layer/unpack/unpack-limits.ts");
  return { selection: await selectionOf(options), limits };
}

async function selectionOf({ paths, followLinks = false }: ReadImageOptions) {
  const { pathsOf } = await import("../../layer/reading/selection.ts");
  return { paths: paths && pathsOf(paths), followsLinks: followLinks };
}

/** What an image is read for. */
interface Reading {
  readonly action: string;
  readonly operation: Operation;
}

/** The layers of an image as they can be read here: from their blobs, or where these are gone, from what they were unpacked to. */
class ReadableLayers implements AsyncDisposable {
  readonly list: ReadableLayer[] = [];
  /** What is known to lack from the layers that were unpacked, in words. */
  readonly missing: string[] = [];
  readonly #context: ReadingContext;
  readonly #reading: Reading;
  #store: LayerStore | undefined;

  private constructor(context: ReadingContext, reading: Reading) {
    this.#context = context;
    this.#reading = reading;
  }

  /** Throws `ErrNotFound` for a layer of which nothing is here. */
  static async open(context: ReadingContext, image: LocalImage, reading: Reading): Promise<ReadableLayers> {
    const layers = new ReadableLayers(context, reading);
    try {
      const chain = chainIds(image.diffIds);
      for (const [at, layer] of image.layers.entries()) {
        const { digest } = layer;
        layers.list.push(
          (await layers.#blob(layer, image.diffIds[at])) ??
            (await layers.#unpacked(digest, chain[at])) ??
            gone(digest, image, reading),
        );
      }
      return layers;
    } catch (error) {
      await layers[Symbol.asyncDispose]();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#store?.close();
  }

  async #blob(layer: Descriptor, diffId: Digest | undefined): Promise<ReadableLayer | undefined> {
    const { content } = this.#context;
    const { operation } = this.#reading;
    if (!(await exists(content, layer, operation))) return undefined;
    const { digest, size } = layer;
    const progress = throttleProgress(operation.onProgress, systemClock);
    return {
      digest,
      diffId,
      open: (options) =>
        counted(readVerified(content, layer, options), (bytes) =>
          progress(update(shortId(digest), "Reading", bytes, size)),
        ),
    };
  }

  async #unpacked(digest: Digest, chainId: Digest | undefined): Promise<ReadableLayer | undefined> {
    this.#store ??= await this.#context.rootLayers.open();
    const layer = chainId && (await this.#store?.get(chainId, this.#reading.operation));
    if (!layer || !chainId) return undefined;
    const { archiveOfTree } = await import("../../layer/reading/archive-of-tree.ts");
    const { findGnuTar } = await import("../../layer/unpack/find-gnu-tar.ts");
    const [hidden, tar] = await Promise.all([this.#context.rootLayers.hidden(chainId), findGnuTar()]);
    this.missing.push(...layer.missing);
    return { digest, hidden, open: (options) => archiveOfTree(layer.path, tar, options) };
  }
}

async function* counted(
  chunks: AsyncIterable<Uint8Array>,
  tell: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of chunks) {
    yield chunk;
    bytes += chunk.byteLength;
    tell(bytes);
  }
}

function gone(digest: Digest, { name }: LocalImage, { action }: Reading): never {
  const message = `${action} ${name}: layer ${digest} is not here; get it with "drayage pull ${name}"`;
  throw new ErrNotFound(message, { digest, reference: name });
}
