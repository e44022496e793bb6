import type { AbortOptions } from "../../async/abort.ts";
import type { Store } from "../../content/store.ts";
import type { Digest } from "../../digest/digest.ts";
import { isDrayageError } from "../../errors/drayage-error.ts";
import { isCanceled, isDeadlineExceeded } from "../../errors/predicates.ts";
import { childrenHandler } from "../../images/children.ts";
import type { ImageContent } from "../../images/image-graph.ts";
import type { Image } from "../../images/image-store.ts";
import { inspectImage } from "../../images/inspect-image.ts";
import { walk } from "../../images/walk.ts";
import type { LayerRecord } from "../../layer/store/layer-record.ts";
import { chainIds } from "../../oci/chain-id.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { isIndexType, isManifestType } from "../../oci/media-types.ts";

/** An unpacked layer, as far as an image or its own record tells what it should be. */
export interface KnownLayer {
  readonly chainId: Digest;
  /** Chain ID of the layer below; absent for the lowest. */
  readonly parent: Digest | undefined;
  readonly diffId: Digest;
  /** What it is unpacked from; a record tells only the digest, and that not always. */
  readonly blob: (Pick<Descriptor, "digest"> & Partial<Descriptor>) | undefined;
  /** Names of the images that it was unpacked for. */
  readonly images: Set<string>;
}

/** The layers that images and records speak of. */
export class KnownLayers {
  readonly #layers = new Map<Digest, KnownLayer>();

  get(chainId: Digest): KnownLayer | undefined {
    return this.#layers.get(chainId);
  }

  /**
   * Adds the layers of an image. Documents that are damaged tell nothing. Throws the abort error, and errors that are not about one
   * document.
   *
   * @param isUnpacked whether the image with this config was unpacked at all
   */
  async addImage(
    { name, target }: Image,
    { content, isUnpacked }: { readonly content: Store; readonly isUnpacked: (config: Digest) => boolean },
    options: AbortOptions,
  ): Promise<void> {
    for (const image of await imagesBelow(target, content, options)) {
      if (!isUnpacked(image.config.digest)) continue;
      const inspected = await unlessInvalid(() => inspectImage(image, content, options));
      if (inspected?.kind === "image") this.#addChain(image.layers, inspected.diffIds, name);
    }
  }

  /** Adds what a layer's own record says, where no image says more. */
  addRecord({ chainId, parent, diffId, blob }: LayerRecord): void {
    if (this.#layers.has(chainId)) return;
    const digest = blob && { digest: blob };
    this.#layers.set(chainId, { chainId, parent, diffId, blob: digest, images: new Set() });
  }

  /** All of them, each behind the one that it lies on. */
  lowestFirst(): readonly KnownLayer[] {
    const ordered = new Set<KnownLayer>();
    for (const layer of this.#layers.values()) {
      const chain: KnownLayer[] = [];
      for (
        let at: KnownLayer | undefined = layer;
        at && !ordered.has(at) && !chain.includes(at);
        at = at.parent && this.#layers.get(at.parent)
      ) {
        chain.push(at);
      }
      for (const each of chain.toReversed()) ordered.add(each);
    }
    return [...ordered];
  }

  /** The layer and all that it lies on. */
  chainOf(chainId: Digest): readonly Digest[] {
    const chain: Digest[] = [];
    for (
      let at: Digest | undefined = chainId;
      at !== undefined && !chain.includes(at);
      at = this.#layers.get(at)?.parent
    ) {
      chain.push(at);
    }
    return chain;
  }

  #addChain(blobs: readonly Descriptor[], diffIds: readonly Digest[], name: string): void {
    const chain = chainIds(diffIds);
    for (const [index, chainId] of chain.entries()) {
      const diffId = diffIds[index];
      if (diffId === undefined) continue;
      const images = this.#layers.get(chainId)?.images ?? new Set();
      images.add(name);
      this.#layers.set(chainId, { chainId, parent: chain[index - 1], diffId, blob: blobs[index], images });
    }
  }
}

async function imagesBelow(
  target: Descriptor,
  content: Store,
  options: AbortOptions,
): Promise<readonly ImageContent[]> {
  const found: ImageContent[] = [];
  const children = childrenHandler(content);
  const visit = async (descriptor: Descriptor, abort: AbortOptions): Promise<readonly Descriptor[]> => {
    const isManifest = isManifestType(descriptor.mediaType);
    if (!isManifest && !isIndexType(descriptor.mediaType)) return [];
    const below = (await unlessInvalid(() => children(descriptor, abort))) ?? [];
    if (!isManifest) return below;
    const [config, ...layers] = below;
    if (config) found.push({ manifest: descriptor, config, layers });
    return [];
  };
  await walk(visit, [target], options);
  return found;
}

/** What is missing or damaged is told by the check of content. Throws the abort error, and those that are not of a document. */
async function unlessInvalid<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (!isDrayageError(error) || isCanceled(error) || isDeadlineExceeded(error)) throw error;
    return undefined;
  }
}
