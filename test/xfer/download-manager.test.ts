import { afterEach, describe, expect, it } from "vitest";
import { DEFAULT_BACKOFF } from "../../src/async/backoff.ts";
import { plainWaiter } from "../../src/async/waiting.ts";
import { type Digest, digestOf } from "../../src/digest/digest.ts";
import {
  ErrCanceled,
  ErrDataLoss,
  ErrInvalidArgument,
  ErrUnauthenticated,
  ErrUnavailable,
  ErrUnknown,
} from "../../src/errors/classes.ts";
import { chainIds } from "../../src/oci/chain-id.ts";
import { type StepProgress, update } from "../../src/progress/progress.ts";
import {
  type DownloadOptions,
  type LayerDownload,
  LayerDownloadManager,
} from "../../src/xfer/download-manager.ts";
import type { DownloadDescriptor, Layer, LayerPlace } from "../../src/xfer/layer.ts";
import type { TransferContext } from "../../src/xfer/transfer-context.ts";
import { TransferManager } from "../../src/xfer/transfer-manager.ts";
import { FakeLayer } from "./fake-layer.ts";
import { FakeTarget } from "./fake-target.ts";
import { flush, stateOf } from "./flush.ts";
import { ManualClock } from "./manual-clock.ts";

/** What a target is called with when nobody watches. */
/** The place of a lowest layer. */
const placeOf = ({ diffId }: DownloadDescriptor): LayerPlace => ({
  chainId: diffId as Digest,
  parent: undefined,
});

const CONTEXT: TransferContext = {
  signal: new AbortController().signal,
  progress() {},
  waiter: plainWaiter(),
};

const diffIdsOf = (layers: readonly FakeLayer[]) =>
  layers.map((layer) => layer.diffId ?? digestOf("unknown"));
const chainOf = (layers: readonly FakeLayer[]) => chainIds(diffIdsOf(layers));
const named = (...names: string[]): FakeLayer[] => names.map((name) => new FakeLayer(name));

/** Statuses by layer id, in the order they came. */
class Screen {
  readonly lines = new Map<string, string[]>();
  readonly sink = (progress: StepProgress): void => {
    const text = progress.kind === "update" ? progress.action : progress.message;
    this.lines.set(progress.id, [...(this.lines.get(progress.id) ?? []), text]);
  };

  of(layer: FakeLayer): string[] {
    return this.lines.get(layer.id) ?? [];
  }
}

/** Ends every download under way, and those that follow, until none is left. */
async function finishAll(layers: readonly FakeLayer[]): Promise<void> {
  for (let round = 0; round < layers.length; round++) {
    await flush();
    for (const layer of layers) layer.finish();
  }
  await flush();
}

const held: LayerDownload[] = [];
async function download(
  manager: LayerDownloadManager,
  layers: FakeLayer[],
  options?: DownloadOptions,
): Promise<LayerDownload> {
  const result = await manager.download(layers, options);
  held.push(result);
  return result;
}
afterEach(async () => {
  await Promise.all(held.splice(0).map((result) => result.release().catch(() => {})));
});

describe("LayerDownloadManager.download()", () => {
  it("brings six layers with a duplicate, one there before and one failing once (TestSuccessfulDownload)", async () => {
    const target = new FakeTarget();
    const clock = new ManualClock();
    const manager = new LayerDownloadManager({
      target,
      clock,
      backoff: { ...DEFAULT_BACKOFF, random: () => 1 },
    });
    const layers = named("id1", "id2", "id3", "id2", "id4", "id5");
    const [id1, id2, , , id4] = layers as [FakeLayer, FakeLayer, FakeLayer, FakeLayer, FakeLayer];
    await target.release(await target.register(id1, placeOf(id1), CONTEXT));
    const screen = new Screen();
    const result = download(manager, layers, { onProgress: screen.sink });
    const atOnce: number[] = [];
    for (let round = 0; round < 4; round++) {
      await clock.advance(1_000);
      const running = layers.filter((layer) => layer.running);
      atOnce.push(running.length);
      for (const layer of running) {
        if (layer === id4 && layer.attempts.length === 1) layer.fail(new ErrUnavailable("simulated failure"));
        else layer.finish();
      }
    }

    expect(atOnce).toEqual([3, 2, 0, 0]);
    expect((await result).layers.map((layer) => layer.chainId)).toEqual(chainOf(layers));
    expect(screen.of(id1)).toEqual(["Already exists"]);
    for (const layer of layers.slice(1)) expect(screen.of(layer).at(-1)).toBe("Pull complete");
    expect(screen.of(id2).filter((text) => text === "Pull complete")).toHaveLength(1);
    expect(screen.of(id4)).toContain("Retrying in 1 second");
    expect(id4.attempts).toHaveLength(2);
    expect(id2.attempts.length + (layers[3]?.attempts.length ?? 0)).toBe(1);
    expect(target.registered).toEqual(chainOf(layers));
  });

  it("shows one who wants to know only of waits nothing else, and all to others of the same layer", async () => {
    const manager = new LayerDownloadManager({ concurrency: 1 });
    const layers = named("a", "b");
    const [waits, all] = [new Screen(), new Screen()];
    const quiet = download(manager, layers, { onProgress: waits.sink, waitsOnly: true });
    await flush();
    const told = download(manager, layers, { onProgress: all.sink });
    await finishAll(layers);
    await Promise.all([quiet, told]);
    const [a, b] = layers as [FakeLayer, FakeLayer];
    expect(waits.of(a)).toEqual([]);
    expect(waits.of(b)).toEqual(["Waiting"]);
    expect(all.of(b)).toEqual(["Pulling fs layer", "Waiting", "Download complete", "Pull complete"]);
  });

  it("shows the whole sequence of a layer in docker's words", async () => {
    const target = new FakeTarget();
    target.before = (blob, { progress }) => Promise.resolve(progress(update(blob.id, "Extracting", 9, 9)));
    const manager = new LayerDownloadManager({ target, concurrency: 1 });
    const layers = named("a", "b");
    const screen = new Screen();
    const result = download(manager, layers, { onProgress: screen.sink });
    await flush();
    layers[0]?.finish();
    await flush();
    layers[1]?.attempt.progress(update(layers[1].id, "Downloading", 4, 9));
    layers[1]?.attempt.progress(update(layers[1].id, "Verifying Checksum", 0, 0));
    layers[1]?.finish();
    await result;
    expect(screen.of(layers[1] as FakeLayer)).toEqual([
      "Pulling fs layer",
      "Waiting",
      "Downloading",
      "Verifying Checksum",
      "Download complete",
      "Extracting",
      "Pull complete",
    ]);
    expect(screen.of(layers[0] as FakeLayer)).not.toContain("Waiting");
  });

  it("shows a duplicate once, although it is registered at both places", async () => {
    const target = new FakeTarget();
    target.before = (blob, { progress }) => Promise.resolve(progress(update(blob.id, "Extracting", 9, 9)));
    const layers = named("a", "b", "a");
    const screen = new Screen();
    const result = download(new LayerDownloadManager({ target }), layers, { onProgress: screen.sink });
    await finishAll(layers);
    expect((await result).layers.map((layer) => layer.chainId)).toEqual(chainOf(layers));
    const once = ["Pulling fs layer", "Download complete", "Extracting", "Pull complete"];
    expect(screen.of(layers[0] as FakeLayer)).toEqual(once);
  });

  it("rejects as canceled, promptly, when its signal fires (TestCancelledDownload)", async () => {
    const target = new FakeTarget();
    const manager = new LayerDownloadManager({ target });
    const layers = named("a", "b", "c", "d", "e");
    const abort = new AbortController();
    const result = download(manager, layers, { signal: abort.signal });
    await flush();
    layers[0]?.finish();
    await flush();
    abort.abort();
    await expect(result).rejects.toThrow(ErrCanceled);
    await flush();
    expect(layers[1]?.attempt.signal.aborted).toBe(true);
    expect(layers[4]?.attempts).toHaveLength(0);
    expect(target.references.size).toBe(0);
  });

  it("asks nothing when its signal has fired before", async () => {
    const target = new FakeTarget();
    const manager = new LayerDownloadManager({ target });
    await expect(download(manager, named("a"), { signal: AbortSignal.abort() })).rejects.toThrow(ErrCanceled);
    expect(target.checks).toBe(0);
  });

  it("never downloads more than the limit at once, for all calls together", async () => {
    const manager = new LayerDownloadManager({ concurrency: 3 });
    const layers = named("a", "b", "c", "d", "e", "f");
    const results = [download(manager, layers.slice(0, 3)), download(manager, layers.slice(3))];
    await flush();
    const started = (): number => layers.filter((layer) => layer.attempts.length > 0).length;
    expect(started()).toBe(3);
    layers[1]?.finish();
    await flush();
    expect(started()).toBe(4);
    await finishAll(layers);
    await Promise.all(results);
  });

  it("ends at the first failure of any layer, and stops the others", async () => {
    const target = new FakeTarget();
    const manager = new LayerDownloadManager({ target });
    const layers = named("bottom", "middle", "top");
    const result = download(manager, layers);
    await flush();
    const error = new ErrDataLoss("wrong digest");
    layers[0]?.fail(error);
    await expect(result).rejects.toBe(error);
    expect(layers[2]?.attempt.signal.aborted).toBe(true);
  });

  it("leaves the transfers that another call shares when it fails", async () => {
    const manager = new LayerDownloadManager({ concurrency: 3 });
    const [broken, shared, sharedToo] = named("broken", "shared", "shared");
    const failing = download(manager, [broken as FakeLayer, shared as FakeLayer]);
    const other = download(manager, [sharedToo as FakeLayer]);
    await flush();
    broken?.fail(new ErrDataLoss("wrong digest"));
    await expect(failing).rejects.toThrow("wrong digest");
    expect(shared?.attempt.signal.aborted).toBe(false);
    shared?.finish();
    await other;
    expect(sharedToo?.attempts).toHaveLength(0);
  });

  it("goes on with its own source when the one it shared refused the credentials", async () => {
    const target = new FakeTarget();
    const manager = new LayerDownloadManager({ target });
    const [leader, joiner] = named("blob", "blob") as [FakeLayer, FakeLayer];
    const first = download(manager, [leader]);
    const second = download(manager, [joiner]);
    await flush();
    leader.fail(new ErrUnauthenticated("bad credentials", { endpoint: "https://a.example" }));
    await expect(first).rejects.toThrow("bad credentials");
    await flush();
    joiner.finish();
    expect((await second).layers).toHaveLength(1);
  });

  it("transfers a blob once for two ancestries, and registers it on each", async () => {
    const target = new FakeTarget();
    const manager = new LayerDownloadManager({ target, concurrency: 0 });
    const one = named("base one", "blob");
    const two = named("base two", "blob");
    const results = [download(manager, one), download(manager, two)];
    await finishAll([...one, ...two]);
    const [first, second] = await Promise.all(results);
    expect((one[1]?.attempts.length ?? 0) + (two[1]?.attempts.length ?? 0)).toBe(1);
    expect(first?.layers.map((layer) => layer.chainId)).toEqual(chainOf(one));
    expect(second?.layers.map((layer) => layer.chainId)).toEqual(chainOf(two));
  });

  it("registers a chain once for two calls, and keeps it until both have released it", async () => {
    const target = new FakeTarget();
    const gate = Promise.withResolvers<void>();
    target.before = () => gate.promise;
    const manager = new LayerDownloadManager({ target });
    const one = named("a", "b");
    const two = named("a", "b");
    const results = [download(manager, one), download(manager, two)];
    await finishAll([...one, ...two]);
    gate.resolve();
    const [first, second] = await Promise.all(results);
    expect(target.registered).toEqual(chainOf(one));

    await first?.release();
    await flush();
    expect(target.references.size).toBe(2);
    await second?.release();
    await flush();
    expect(target.references.size).toBe(0);
  });

  it("downloads in parallel but registers a layer only after its parent", async () => {
    const target = new FakeTarget();
    const manager = new LayerDownloadManager({ target });
    const layers = named("a", "b", "c");
    const result = download(manager, layers);
    await flush();
    layers[2]?.finish();
    layers[1]?.finish();
    await flush();
    expect(target.registered).toEqual([]);
    layers[0]?.finish();
    await result;
    expect(target.registered).toEqual(chainOf(layers));
  });

  it("says of a layer whose blob is there that it waits for the one below", async () => {
    const manager = new LayerDownloadManager({ target: new FakeTarget() });
    const layers = named("a", "b", "c");
    const actions: string[] = [];
    const result = manager.download(layers, {
      onProgress: (item) => {
        if (item.kind === "update" && item.id === layers[1]?.id) actions.push(item.action);
      },
    });
    await flush();
    layers[1]?.finish();
    await flush();
    expect(actions.at(-1)).toBe("Waiting for the layer below");
    layers[0]?.finish();
    layers[2]?.finish();
    await (await result).release();
    expect(actions.at(-1)).toBe("Pull complete");
  });

  it("frees the slot before the registration", async () => {
    const target = new FakeTarget();
    const gate = Promise.withResolvers<void>();
    target.before = () => gate.promise;
    const manager = new LayerDownloadManager({ target, concurrency: 1 });
    const layers = named("a", "b");
    const result = download(manager, layers);
    await flush();
    layers[0]?.finish();
    await flush();
    expect(layers[1]?.attempts).toHaveLength(1);
    gate.resolve();
    await finishAll(layers);
    await result;
  });

  it("stops the exists-checks at the first missing layer", async () => {
    const target = new FakeTarget();
    const layers = named("a", "b", "c", "d");
    const warm = new LayerDownloadManager({ target });
    const before = download(warm, layers.slice(0, 1));
    await finishAll(layers);
    await before;
    target.checks = 0;

    const result = download(new LayerDownloadManager({ target }), layers);
    await flush();
    expect(target.checks).toBe(2);
    await finishAll(layers);
    await result;
  });

  it("does not download a blob that is there although its layer is not", async () => {
    const target = new FakeTarget();
    const layer = new FakeLayer("a");
    layer.present = true;
    const screen = new Screen();
    await download(new LayerDownloadManager({ target }), [layer], { onProgress: screen.sink });
    expect(layer.attempts).toHaveLength(0);
    expect(screen.of(layer)).toEqual(["Pulling fs layer", "Download complete", "Pull complete"]);
  });

  it("gives a layer that another call has registered meanwhile, without doing it again", async () => {
    const target = new FakeTarget();
    const manager = new LayerDownloadManager({ target });
    const layer = new FakeLayer("a");
    const result = download(manager, [layer]);
    await flush();
    await target.register(layer, placeOf(layer), CONTEXT);
    layer.finish();
    await result;
    expect(target.registered).toHaveLength(1);
  });

  it("gives back everything, upper layers first, when a registration fails", async () => {
    const target = new FakeTarget();
    const released: Layer[] = [];
    target.releasing = (layer) => Promise.resolve(void released.push(layer));
    const layers = named("a", "b", "c");
    const error = new ErrDataLoss("wrong diffID");
    target.before = (blob) => (blob === layers[2] ? Promise.reject(error) : Promise.resolve());
    const result = download(new LayerDownloadManager({ target }), layers);
    const rejected = expect(result).rejects.toBe(error);
    await finishAll(layers);
    await rejected;
    await flush();
    expect(target.references.size).toBe(0);
    expect(released.map((layer) => layer.chainId)).toEqual(chainOf(layers).slice(0, 2).toReversed());
  });

  it("gives back the layers that were there when it is canceled", async () => {
    const target = new FakeTarget();
    const layers = named("a", "b");
    await target.release(
      await target.register(layers[0] as FakeLayer, placeOf(layers[0] as FakeLayer), CONTEXT),
    );
    const abort = new AbortController();
    const result = download(new LayerDownloadManager({ target }), layers, { signal: abort.signal });
    await flush();
    expect(target.references.size).toBe(1);
    abort.abort();
    await expect(result).rejects.toThrow(ErrCanceled);
    expect(target.references.size).toBe(0);
  });

  it("rejects at once when it is canceled in the middle of a registration", async () => {
    const target = new FakeTarget();
    const gate = Promise.withResolvers<void>();
    target.before = () => gate.promise;
    const layer = new FakeLayer("a");
    layer.present = true;
    const abort = new AbortController();
    const result = download(new LayerDownloadManager({ target }), [layer], { signal: abort.signal });
    await flush();
    abort.abort();
    await expect(result).rejects.toThrow(ErrCanceled);
    gate.resolve(); // the target did not stop in time: what it made is given back
    await flush();
    expect(target.registered).toHaveLength(1);
    expect(target.references.size).toBe(0);
  });

  it("gives nothing for no layers", async () => {
    expect((await download(new LayerDownloadManager({ target: new FakeTarget() }), [])).layers).toEqual([]);
  });

  it("starts the blobs of a higher priority first", async () => {
    const manager = new LayerDownloadManager({ concurrency: 1 });
    const layers = named("running", "low", "high");
    const results = layers.map((layer, i) => download(manager, [layer], { priority: i }));
    await flush();
    layers[0]?.finish();
    await flush();
    expect(layers.map((layer) => layer.attempts.length)).toEqual([1, 0, 1]);
    await finishAll(layers);
    await Promise.all(results);
  });

  it("refuses a priority that is not finite", async () => {
    const result = download(new LayerDownloadManager(), named("a"), { priority: Number.NaN });
    await expect(result).rejects.toThrow(ErrInvalidArgument);
  });

  it("goes on when its sink throws", async () => {
    const layer = new FakeLayer("a");
    const result = download(new LayerDownloadManager(), [layer], {
      onProgress: () => {
        throw new Error("client is gone");
      },
    });
    await finishAll([layer]);
    expect((await result).layers).toEqual([]);
  });

  it("shares the slots of a transfer manager that it is given", async () => {
    const transfers = new TransferManager({ concurrency: 1 });
    const blocker = Promise.withResolvers<void>();
    transfers.transfer("something else", () => blocker.promise);
    const layer = new FakeLayer("a");
    const result = download(new LayerDownloadManager({ transfers }), [layer]);
    await flush();
    expect(layer.attempts).toHaveLength(0);
    blocker.resolve();
    await finishAll([layer]);
    await result;
  });

  it("takes many layers under one signal without a listener warning", async () => {
    const warnings: Error[] = [];
    const note = (warning: Error): void => void warnings.push(warning);
    process.on("warning", note);
    const layers = named(...Array.from({ length: 125 }, (_, i) => `layer ${i}`));
    for (const layer of layers) layer.present = true;
    const target = new FakeTarget();
    await download(new LayerDownloadManager({ target }), layers, { signal: new AbortController().signal });
    await flush();
    process.off("warning", note);
    expect(warnings).toEqual([]);
    expect(target.registered).toEqual(chainOf(layers));
  });
});

describe("LayerDownloadManager.download() without a target", () => {
  it("shows a layer as complete as soon as its blob is in, and registers nothing", async () => {
    const layers = named("a", "b");
    const screen = new Screen();
    const result = download(new LayerDownloadManager(), layers, { onProgress: screen.sink });
    await flush();
    layers[1]?.finish();
    await flush();
    expect(screen.of(layers[1] as FakeLayer)).toEqual([
      "Pulling fs layer",
      "Download complete",
      "Pull complete",
    ]);
    expect(await stateOf(result)).toBe("pending");
    layers[0]?.finish();
    expect((await result).layers).toEqual([]);
  });

  it("shows the blobs from the bottom that exist, up to the first that does not", async () => {
    const layers = named("a", "b", "c");
    for (const layer of [layers[0], layers[2]]) if (layer) layer.present = true;
    const screen = new Screen();
    const result = download(new LayerDownloadManager(), layers, { onProgress: screen.sink });
    await finishAll(layers);
    await result;
    expect(layers.map((layer) => screen.of(layer)[0])).toEqual([
      "Already exists",
      "Pulling fs layer",
      "Pulling fs layer",
    ]);
    expect(layers[2]?.attempts).toHaveLength(0);
  });

  it("downloads and shows a duplicate once, whether it exists or not", async () => {
    const [there, thereToo, missing, missingToo, thereAgain] = named("x", "x", "y", "y", "x");
    const layers = [there, thereToo, missing, missingToo, thereAgain] as FakeLayer[];
    for (const layer of [there, thereToo, thereAgain]) if (layer) layer.present = true;
    const screen = new Screen();
    const result = download(new LayerDownloadManager(), layers, { onProgress: screen.sink });
    await finishAll(layers);
    await result;
    expect(screen.of(there as FakeLayer)).toEqual(["Already exists"]);
    expect(screen.of(missing as FakeLayer)).toEqual([
      "Pulling fs layer",
      "Download complete",
      "Pull complete",
    ]);
    expect(layers.map((layer) => layer.attempts.length)).toEqual([0, 0, 1, 0, 0]);
  });

  it("is what happens with a target too when a diffID is unknown", async () => {
    const target = new FakeTarget();
    const layers = [new FakeLayer("a"), new FakeLayer("b", { diffId: "unknown" })];
    const result = download(new LayerDownloadManager({ target }), layers);
    await finishAll(layers);
    expect((await result).layers).toEqual([]);
    expect(target.checks).toBe(0);
  });
});

describe("LayerDownload.release()", () => {
  it("gives each layer back once, however often it is called", async () => {
    const target = new FakeTarget();
    const layers = named("a", "b");
    for (const layer of layers) layer.present = true;
    const first = await download(new LayerDownloadManager({ target }), layers);
    const second = await download(new LayerDownloadManager({ target }), layers);
    await second.release();
    await second.release();
    await second[Symbol.asyncDispose]();
    expect([...target.references.values()]).toEqual([1, 1]);
    await first.release();
    await flush();
    expect(target.references.size).toBe(0);
  });

  it("tries every layer and throws with all errors when the target takes none back", async () => {
    const target = new FakeTarget();
    const layers = named("a", "b");
    for (const layer of layers) layer.present = true;
    await download(new LayerDownloadManager({ target }), layers);
    const again = await download(new LayerDownloadManager({ target }), layers);
    target.releasing = (layer) => Promise.reject(new Error(`busy ${layer.chainId}`));
    const error: unknown = await again.release().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ErrUnknown);
    expect(error).toMatchObject({
      message: "Release layers: 2 of 2 failed",
      errors: [expect.any(Error), expect.any(Error)],
    });
    target.releasing = () => Promise.resolve();
  });

  it("resolves when the layers that it registered are given back, for the last one who holds them", async () => {
    const target = new FakeTarget();
    const manager = new LayerDownloadManager({ target });
    const layer = new FakeLayer("a");
    const both = [download(manager, [layer]), download(manager, [layer])];
    await flush();
    layer.finish();
    const [first, second] = await Promise.all(both);
    const busy = Promise.withResolvers<void>();
    target.releasing = () => busy.promise;
    await first?.release();
    const last = second?.release() ?? Promise.reject(new TypeError("two were asked for"));
    expect(await stateOf(last)).toBe("pending");
    busy.resolve();
    await last;
    expect(target.references.size).toBe(0);
  });

  it("throws when a layer that it registered is not taken back", async () => {
    const target = new FakeTarget();
    const layer = new FakeLayer("a");
    layer.present = true;
    const result = await download(new LayerDownloadManager({ target }), [layer]);
    target.releasing = () => Promise.reject(new Error("busy"));
    await expect(result.release()).rejects.toMatchObject({ message: "Release layers: 1 of 1 failed" });
  });
});

describe("LayerDownloadManager.setConcurrency()", () => {
  it("takes effect at once", async () => {
    const manager = new LayerDownloadManager({ concurrency: 1 });
    const layers = named("a", "b", "c");
    const result = download(manager, layers);
    await flush();
    manager.setConcurrency(2);
    await flush();
    expect(layers.map((layer) => layer.attempts.length)).toEqual([1, 1, 0]);
    await finishAll(layers);
    await result;
  });

  it("refuses what is not a whole number from 0", () => {
    expect(() => new LayerDownloadManager({ concurrency: -1 })).toThrow(ErrInvalidArgument);
    expect(() => new LayerDownloadManager().setConcurrency(0.5)).toThrow(ErrInvalidArgument);
  });
});
