import { describe, expect, it } from "vitest";
import { type Digest, digestOf } from "../../src/digest/digest.ts";
import { ErrDataLoss } from "../../src/errors/classes.ts";
import { chainIds } from "../../src/oci/chain-id.ts";
import { LayerDownloadManager } from "../../src/xfer/download-manager.ts";
import type { GrowingBlob } from "../../src/xfer/growing-blob.ts";
import type { DownloadDescriptor, LayerPlace } from "../../src/xfer/layer.ts";
import type { TransferContext } from "../../src/xfer/transfer-context.ts";
import { FakeLayer } from "./fake-layer.ts";
import { FakeTarget } from "./fake-target.ts";
import { flush } from "./flush.ts";

/** A target that reads along. */
class FollowingTarget extends FakeTarget {
  /** What it was told of each chain ID, in the order in which that happened. */
  readonly told: string[] = [];
  /** What was thrown away. */
  readonly discarded: Digest[] = [];

  prepare(): never {
    throw new Error("it follows");
  }

  async follow(
    { id }: DownloadDescriptor,
    growing: GrowingBlob,
    { chainId }: LayerPlace,
    context: TransferContext,
  ): Promise<() => Promise<void>> {
    this.told.push(`${id} follows`);
    const file = await growing.next(undefined, context);
    this.told.push(`${id} ${file ? `grows in ${file.path}` : "is there"}`);
    await growing.whole(context);
    this.told.push(`${id} is whole`);
    return async () => void this.discarded.push(chainId);
  }
}

const growthOf = (layer: FakeLayer) => layer.attempt.growth;
const chainOf = (layers: readonly FakeLayer[]): Digest[] =>
  chainIds(layers.map(({ diffId }) => diffId ?? digestOf("unknown")));

describe("a target that follows downloads", () => {
  it("is asked with the download, and registers in chain order when the blobs are whole", async () => {
    const target = new FollowingTarget();
    const [a, b] = [new FakeLayer("a"), new FakeLayer("b")];
    const downloading = new LayerDownloadManager({ target }).download([a, b]);
    await flush();
    growthOf(b)?.begins({ path: "/b", size: 9, bytes: 0 });
    await flush();
    expect(target.told).toEqual([`${a.id} follows`, `${b.id} follows`, `${b.id} grows in /b`]);
    b.finish();
    await flush();
    expect(target.registered).toEqual([]);
    a.finish(); // of which nobody told where it grows
    await using _ = await downloading;
    expect(target.told.slice(3)).toEqual([`${b.id} is whole`, `${a.id} is there`, `${a.id} is whole`]);
    expect(target.registered).toEqual(chainOf([a, b]));
  });

  it("is told that a blob is whole when those who asked for it first have left", async () => {
    const target = new FollowingTarget();
    const manager = new LayerDownloadManager({ target });
    const layer = new FakeLayer("a");
    const controller = new AbortController();
    const leaving = manager.download([layer], { signal: controller.signal });
    const staying = manager.download([layer]);
    leaving.catch(() => {});
    await flush();
    growthOf(layer)?.begins({ path: "/a", size: 9, bytes: 0 });
    controller.abort();
    await flush();
    growthOf(layer)?.reached(9);
    layer.finish();
    await using _ = await staying;
    expect(target.told).toEqual([`${layer.id} follows`, `${layer.id} grows in /a`, `${layer.id} is whole`]);
  });

  it("follows what a manager without a target brings", async () => {
    const target = new FollowingTarget();
    const plain = new LayerDownloadManager();
    const layer = new FakeLayer("a");
    const first = plain.download([layer]);
    await flush();
    const second = plain.registeringAt(target).download([layer]);
    await flush();
    growthOf(layer)?.begins({ path: "/a", size: 9, bytes: 3 });
    await flush();
    expect(target.told).toContain(`${layer.id} grows in /a`);
    layer.finish();
    await using _ = await first;
    await using __ = await second;
    expect(target.registered).toEqual(chainOf([layer]));
  });

  it("gives up what it has made with a download that fails", async () => {
    const target = new FollowingTarget();
    const [a, b] = [new FakeLayer("a"), new FakeLayer("b")];
    const downloading = new LayerDownloadManager({ target }).download([a, b]);
    downloading.catch(() => {});
    await flush();
    b.finish();
    await flush();
    a.fail(new ErrDataLoss("wrong bytes"));
    await expect(downloading).rejects.toThrow(ErrDataLoss);
    await flush();
    expect(target.told).not.toContain(`${a.id} is there`);
    expect(target.discarded).toEqual([chainOf([a, b])[1]]);
  });
});
