import { describe, expect, it } from "vitest";
import { ErrDataLoss } from "../../src/errors/classes.ts";
import type { Progress } from "../../src/progress/progress.ts";
import { LayerDownloadManager } from "../../src/xfer/download-manager.ts";
import { FakeLayer } from "./fake-layer.ts";
import { FakeTarget } from "./fake-target.ts";
import { flush } from "./flush.ts";
import { ManualClock } from "./manual-clock.ts";

/** Makes layers one after the other. */
class SequentialTarget extends FakeTarget {
  readonly isSequential = true;
}

const large = (name: string): FakeLayer => Object.assign(new FakeLayer(name), { isLarge: true });
const running = (layers: readonly FakeLayer[]): boolean[] => layers.map((layer) => layer.running);

describe("blobs for a target that makes layers one after the other", () => {
  it("begin one after the other if they are large: when the one below is there, or has had a head start", async () => {
    const clock = new ManualClock();
    const shown: Progress[] = [];
    const layers = [large("a"), new FakeLayer("small"), large("b"), large("c")];
    const manager = new LayerDownloadManager({ target: new SequentialTarget(), clock, concurrency: 0 });
    const downloading = manager.download(layers, { onProgress: (item) => shown.push(item) });
    await flush();
    expect(running(layers)).toEqual([true, true, false, false]);
    expect(shown).toContainEqual(expect.objectContaining({ id: layers[2]?.id, action: "Waiting" }));
    layers[0]?.finish();
    await flush();
    expect(running(layers)).toEqual([false, true, true, false]);
    await clock.advance(1_999);
    expect(running(layers)).toEqual([false, true, true, false]);
    await clock.advance(1);
    expect(running(layers)).toEqual([false, true, true, true]);
    for (const layer of layers) layer.finish();
    await using _ = await downloading;
    expect(clock.sleeping).toBe(0);
  });

  it("do not begin any more when the one below has failed, or nobody wants them", async () => {
    const clock = new ManualClock();
    const manager = new LayerDownloadManager({ target: new SequentialTarget(), clock });
    for (const end of ["failure", "abort"]) {
      const layers = [large(`${end} a`), large(`${end} b`)];
      const controller = new AbortController();
      const downloading = manager.download(layers, { signal: controller.signal });
      await flush();
      if (end === "abort") controller.abort();
      else layers[0]?.fail(new ErrDataLoss("wrong bytes"));
      await expect(downloading).rejects.toThrow(end === "abort" ? "context canceled" : "wrong bytes");
      await flush();
      expect(layers[1]?.attempts).toEqual([]);
    }
    expect(clock.sleeping).toBe(0);
  });

  it("begin side by side where layers are made side by side", async () => {
    const layers = [large("a"), large("b")];
    const downloading = new LayerDownloadManager({ target: new FakeTarget() }).download(layers);
    await flush();
    expect(running(layers)).toEqual([true, true]);
    for (const layer of layers) layer.finish();
    await using _ = await downloading;
  });
});
