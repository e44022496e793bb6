import { describe, expect, it } from "vitest";
import { type Digest, digestOf } from "../../src/digest/digest.ts";
import { ErrDataLoss } from "../../src/errors/classes.ts";
import { chainIds } from "../../src/oci/chain-id.ts";
import { LayerDownloadManager } from "../../src/xfer/download-manager.ts";
import type { DownloadDescriptor, LayerPlace } from "../../src/xfer/layer.ts";
import { FakeLayer } from "./fake-layer.ts";
import { FakeTarget } from "./fake-target.ts";
import { flush } from "./flush.ts";

/** A target that does something for each layer before its turn comes. */
class PreparingTarget extends FakeTarget {
  /** Chain IDs in the order in which they were prepared. */
  readonly prepared: Digest[] = [];
  /** What was thrown away. */
  readonly discarded: Digest[] = [];
  /** Runs in each preparation. */
  preparing: (blob: DownloadDescriptor) => Promise<void> = () => Promise.resolve();

  async prepare(blob: DownloadDescriptor, { chainId }: LayerPlace): Promise<() => Promise<void>> {
    this.prepared.push(chainId);
    await this.preparing(blob);
    return async () => void this.discarded.push(chainId);
  }
}

const named = (...names: string[]): FakeLayer[] => names.map((name) => new FakeLayer(name));
const chainOf = (layers: readonly FakeLayer[]): Digest[] =>
  chainIds(layers.map(({ diffId }) => diffId ?? digestOf("unknown")));

async function finishAll(layers: readonly FakeLayer[]): Promise<void> {
  for (const layer of layers) {
    layer.finish();
    await flush();
  }
}

describe("a target that prepares layers", () => {
  it("begins with each as soon as its blob is there, and registers them in chain order", async () => {
    const target = new PreparingTarget();
    const layers = named("a", "b", "c");
    const downloading = new LayerDownloadManager({ target }).download(layers);
    await flush();
    await finishAll([layers[2], layers[1]] as FakeLayer[]);
    const chain = chainOf(layers);
    expect(target.prepared).toEqual([chain[2], chain[1]]);
    expect(target.registered).toEqual([]);
    await finishAll([layers[0]] as FakeLayer[]);
    await using _ = await downloading;
    expect(target.registered).toEqual(chain);
  });

  it("does that once for all who want a layer, and throws it away when the last of them has left", async () => {
    const target = new PreparingTarget();
    const manager = new LayerDownloadManager({ target });
    const layers = named("a", "b");
    const both = Promise.withResolvers<void>();
    target.preparing = () => both.promise; // who comes when it has ended begins another one
    const downloading = [manager.download(layers), manager.download(layers)];
    await flush();
    await finishAll(layers);
    both.resolve();
    const [first, second] = await Promise.all(downloading);
    expect(target.prepared).toEqual(chainOf(layers));
    await first?.release();
    await flush();
    expect(target.discarded).toEqual([]);
    await second?.release();
    await flush();
    expect(target.discarded.toSorted()).toEqual(chainOf(layers).toSorted());
  });

  it("throws away what was prepared on a layer that fails", async () => {
    const target = new PreparingTarget();
    const layers = named("a", "b");
    const downloading = new LayerDownloadManager({ target }).download(layers);
    downloading.catch(() => {});
    await flush();
    await finishAll([layers[1]] as FakeLayer[]);
    target.before = () => Promise.reject(new ErrDataLoss("another diffID"));
    await finishAll([layers[0]] as FakeLayer[]);
    await expect(downloading).rejects.toThrow(ErrDataLoss);
    await flush();
    expect(target.registered).toEqual([]);
    expect(target.discarded.toSorted()).toEqual(chainOf(layers).toSorted());
  });

  it("fails a download at once when a layer cannot be prepared, whatever those below it do", async () => {
    const target = new PreparingTarget();
    const layers = named("a", "b");
    target.preparing = () => Promise.reject(new ErrDataLoss("damaged"));
    const downloading = new LayerDownloadManager({ target }).download(layers);
    downloading.catch(() => {});
    await flush();
    await finishAll([layers[1]] as FakeLayer[]);
    await expect(downloading).rejects.toThrow(ErrDataLoss);
    expect(target.discarded).toEqual([]);
    expect(layers[0]?.running).toBe(false);
  });
});
