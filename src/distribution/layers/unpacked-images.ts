import type { AbortOptions } from "../../async/abort.ts";
import { type Digest, shortId } from "../../digest/digest.ts";
import { ErrFailedPrecondition } from "../../errors/classes.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { LayerDownload, LayerDownloadManager } from "../../xfer/download-manager.ts";
import type { DownloadDescriptor } from "../../xfer/layer.ts";
import type { Operation } from "../api/operation.ts";

/** Where images are unpacked to. */
export interface ImageLayers {
  /** Registers layers, and shares the transfers of blobs with all other pulls. */
  readonly downloads: LayerDownloadManager;
  /** Layers are likely to come: see `LayerTarget.getReady`. */
  getReady(): void;
  /** Keeps the layers of an image as long as names need its config. */
  keep(config: Digest, chainId: Digest, options: AbortOptions): Promise<void>;
  /**
   * Sees to it that layers survive without their blobs, and returns whether they do. Absent where it is not ours to say, because
   * layers go to a target of the caller's.
   */
  readonly settle?: ((chainIds: readonly Digest[]) => Promise<boolean>) | undefined;
}

/** Images whose layers one pull has registered, and holds until they are kept by a name. */
export class UnpackedImages implements AsyncDisposable {
  readonly #layers: ImageLayers | undefined;
  readonly #held: Array<{ readonly config: Digest; readonly download: LayerDownload }> = [];

  /** @param layers absent where nothing is unpacked */
  constructor(layers: ImageLayers | undefined) {
    this.#layers = layers;
  }

  /** Whether images are unpacked at all. */
  get isWanted(): boolean {
    return this.#layers !== undefined;
  }

  /** Brings the layers of an image in and registers them. Throws as `LayerDownloadManager.download` does. */
  async unpack(
    config: Descriptor,
    layers: readonly DownloadDescriptor[],
    operation: Operation,
  ): Promise<void> {
    if (!this.#layers) throw new ErrFailedPrecondition("unpack image: this engine has no layers");
    const download = await this.#layers.downloads.download(layers, operation);
    this.#held.push({ config: config.digest, download });
  }

  /** Says who keeps the layers from now on. The configs have a name, or get one before this is disposed of. */
  async keep(options: AbortOptions): Promise<void> {
    for (const { config, download } of this.#held) {
      const top = download.layers.at(-1);
      if (top) await this.#layers?.keep(config, top.chainId, options);
    }
  }

  /** Whether the layers can do without their blobs from now on. */
  async settle(): Promise<boolean> {
    const chainIds = this.#held.flatMap(({ download }) => download.layers.map(({ chainId }) => chainId));
    return (await this.#layers?.settle?.(chainIds)) ?? false;
  }

  /** What of the layers could not be made when they were unpacked, by whomever: a line for each that lacks something. */
  get warnings(): readonly string[] {
    const layers = this.#held.flatMap(({ download }) => download.layers);
    return layers.flatMap(({ chainId, missing = [] }) =>
      missing.length > 0 ? [`WARNING: layer ${shortId(chainId)} lacks ${missing.join("; ")}`] : [],
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { download } of this.#held) await download.release();
  }
}
