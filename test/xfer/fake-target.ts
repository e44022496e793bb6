import type { Digest } from "../../src/digest/digest.ts";
import { chainId } from "../../src/oci/chain-id.ts";
import type { DownloadDescriptor, Layer, LayerPlace, LayerTarget } from "../../src/xfer/layer.ts";
import type { TransferContext } from "../../src/xfer/transfer-context.ts";

/** A layer store in memory that counts its references. It registers at once, unless told to wait or to fail. */
export class FakeTarget implements LayerTarget {
  readonly layers = new Map<Digest, Layer>();
  /** References held, by chain ID; a layer nobody holds has no entry. */
  readonly references = new Map<Digest, number>();
  /** Chain IDs in the order of their registration. */
  readonly registered: Digest[] = [];
  /** How often `get` was asked. */
  checks = 0;
  /** Runs in each registration, before the layer is there. */
  before: (blob: DownloadDescriptor, context: TransferContext) => Promise<void> = () => Promise.resolve();
  /** Runs in each release. */
  releasing: (layer: Layer) => Promise<void> = () => Promise.resolve();

  get(id: Digest): Promise<Layer | undefined> {
    this.checks++;
    const layer = this.layers.get(id);
    if (layer) this.#count(id, 1);
    return Promise.resolve(layer);
  }

  async register(
    blob: DownloadDescriptor,
    { chainId: id, parent }: LayerPlace,
    context: TransferContext,
  ): Promise<Layer> {
    if (!blob.diffId) throw new Error("the layer has no diffID");
    if (parent && !this.references.has(parent)) throw new Error("nobody holds the parent");
    await this.before(blob, context);
    if (id !== chainId(parent, blob.diffId)) throw new Error("the chain ID is another one");
    const layer = { chainId: id, diffId: blob.diffId };
    this.layers.set(layer.chainId, layer);
    this.registered.push(layer.chainId);
    this.#count(layer.chainId, 1);
    return layer;
  }

  async release(layer: Layer): Promise<void> {
    await this.releasing(layer);
    this.#count(layer.chainId, -1);
  }

  #count(id: Digest, step: 1 | -1): void {
    const count = (this.references.get(id) ?? 0) + step;
    if (count < 0) throw new Error("released more often than held");
    if (count === 0) this.references.delete(id);
    else this.references.set(id, count);
  }
}
