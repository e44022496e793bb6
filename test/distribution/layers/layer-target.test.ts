import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createGunzip } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Digest } from "../../../src/digest/digest.ts";
import { layerTarget } from "../../../src/distribution/layers/layer-target.ts";
import { ErrDataLoss } from "../../../src/errors.ts";
import { openLayerStore } from "../../../src/layer.ts";
import { chainIds } from "../../../src/oci/chain-id.ts";
import { type BuiltImage, buildImage, TestRegistry } from "../../../src/testing.ts";
import type { DownloadDescriptor, Layer, LayerPlace, LayerTarget } from "../../../src/xfer.ts";
import { describeLayerTarget } from "../../xfer/layer-target-suite.ts";
import { digestsOf } from "../support/built-image.ts";
import { putBlob, putManifest } from "../support/documents.ts";
import { type Engine, openEngine } from "../support/engine.ts";
import { expectEachOnce } from "../support/requests.ts";
import { statusLog } from "../support/status-lines.ts";

let registry: TestRegistry;
let image: BuiltImage;
let name: string;
let target: HashingTarget;
let engine: Engine;

/** An engine's own place for layers: it hashes what it is given. */
class HashingTarget implements LayerTarget {
  readonly layers = new Map<Digest, Layer>();
  readonly held: Digest[] = [];
  readonly registered: Digest[] = [];
  /** Files of the blobs that it was given. */
  readonly paths: (string | undefined)[] = [];
  /** What it was told before it got any: how many requests there had been by then. */
  readonly readyAt: number[] = [];

  getReady(): void {
    this.readyAt.push(registry.requests.length);
  }

  async get(chainId: Digest): Promise<Layer | undefined> {
    const layer = this.layers.get(chainId);
    if (layer) this.held.push(chainId);
    return layer;
  }

  async register(blob: DownloadDescriptor, { chainId, parent }: LayerPlace): Promise<Layer> {
    if (parent !== undefined && !this.layers.has(parent)) throw new Error("the parent is not there");
    await using bytes = await blob.open?.();
    if (!bytes || !blob.diffId) throw new Error("nothing to read");
    this.paths.push(bytes.path);
    const hash = createHash("sha256");
    const gunzip = createGunzip();
    gunzip.on("data", (chunk: Buffer) => hash.update(chunk));
    const ended = new Promise<void>((resolve, reject) => gunzip.on("end", resolve).on("error", reject));
    for await (const chunk of bytes) gunzip.write(chunk);
    gunzip.end();
    await ended;
    const got = `sha256:${hash.digest("hex")}`;
    if (got !== blob.diffId) throw new ErrDataLoss(`register layer: got diffID ${got}, want ${blob.diffId}`);
    const layer = { chainId, diffId: blob.diffId };
    this.layers.set(chainId, layer);
    this.registered.push(chainId);
    this.held.push(chainId);
    return layer;
  }

  async release({ chainId }: Layer): Promise<void> {
    this.held.splice(this.held.indexOf(chainId), 1);
  }
}

beforeEach(async () => {
  registry = await TestRegistry.start();
  image = await buildImage(registry, "team/app", { tag: "v1", layers: [70_000, 500, 3_000] });
  name = `${registry.host}/team/app:v1`;
  target = new HashingTarget();
  engine = await openEngine({ layers: target });
});

afterEach(async () => {
  await engine[Symbol.asyncDispose]();
  await registry.close();
});

const chain = (): Digest[] => chainIds(image.layers.map(({ diffId }) => diffId));

describe("a pull by an engine with a target for layers", () => {
  it("registers each layer in chain order, of a blob that is a file, and holds none afterwards", async () => {
    const log = statusLog();
    await engine.pull(name, { onProgress: log.sink });
    expect(target.registered).toEqual(chain());
    expect(target.held).toEqual([]);
    expect(target.paths).toEqual(
      image.layers.map(({ descriptor: { digest } }) => join(engine.root, "blobs", digest.replace(":", "/"))),
    );
    expect(log.lines().filter((line) => line.endsWith("Pull complete"))).toHaveLength(3);
    expect(engine.layers).toBeUndefined();
  });

  it("tells it before anything is asked for, unless nothing new is likely to come", async () => {
    await engine.pull(name, { unpack: false });
    expect(target.readyAt).toEqual([]);
    await using fresh = await openEngine({ layers: target });
    const before = registry.requests.filter(({ kind }) => kind === "manifest").length;
    await fresh.pull(name);
    expect(target.readyAt).toHaveLength(1);
    const asked = registry.requests.slice(0, target.readyAt[0]).filter(({ kind }) => kind === "manifest");
    expect(asked).toHaveLength(before);
    await fresh.pull(name);
    expect(target.readyAt).toHaveLength(1);
  });

  it("registers nothing where the pull does not want it, and a later one does without a download", async () => {
    await engine.pull(name, { unpack: false });
    expect(target.registered).toEqual([]);
    const before = registry.requests.length;
    await engine.pull(name);
    expect(target.registered).toEqual(chain());
    expect(registry.requests.slice(before).filter(({ kind }) => kind === "blob")).toEqual([]);
  });

  it("brings the blobs of layers that are there already, because the name promises them", async () => {
    await engine.pull(name);
    await using other = await openEngine({ layers: target });
    await other.pull(name);
    expect(target.registered).toHaveLength(3);
    for (const { descriptor } of image.layers)
      expect(await other.content.info(descriptor.digest)).toBeDefined();
  });

  it("shares blobs and layers with a pull of the same image", async () => {
    await Promise.all([engine.pull(name), engine.pull(name), engine.pull(name, { unpack: false })]);
    expect(target.registered).toHaveLength(3);
    expectEachOnce(registry, digestsOf(image));
    expect(target.held).toEqual([]);
  });

  it("fails, and names nothing, when a layer is not what the config says", async () => {
    const diffIds = image.layers.map(({ diffId }) => diffId).toReversed();
    await buildImage(registry, "team/liar", {
      tag: "v1",
      layers: [70_000, 500, 3_000],
      config: { rootfs: { type: "layers", diff_ids: diffIds } },
    });
    await expect(engine.pull(`${registry.host}/team/liar:v1`)).rejects.toThrow(ErrDataLoss);
    expect(await engine.images.list()).toEqual([]);
    expect(target.held).toEqual([]);
  });

  it("unpacks an image that is here", async () => {
    await engine.pull(name, { unpack: false });
    const { chainIds: unpacked, config } = await engine.unpack(name);
    expect(unpacked).toEqual(chain());
    expect(config).toBe(image.config.digest);
    expect(target.registered).toEqual(chain());
  });

  it("pulls what is no image without layers", async () => {
    await using plain = await openEngine({ layers: target });
    const place = { repository: "team/chart", tag: "v1" };
    const put = (content: string, mediaType: string) =>
      putBlob(registry, place.repository, { content, mediaType });
    putManifest(registry, place, {
      config: await put("{}", "application/vnd.cncf.helm.config.v1+json"),
      layers: [await put("chart", "application/vnd.cncf.helm.chart.content.v1.tar+gzip")],
    });
    const { images } = await plain.pull(`${registry.host}/team/chart:v1`);
    expect(images[0]?.kind).toBe("artifact");
    expect(target.registered).toEqual([]);
  });
});

describeLayerTarget("layerTarget()", async () => {
  const folder = await mkdtemp(join(tmpdir(), "drayage-target-"));
  const root = join(folder, "root");
  await mkdir(root);
  const stores = [await openLayerStore({ root, workers: 0 }), await openLayerStore({ root, workers: 0 })];
  const [store, other] = stores as [(typeof stores)[0], (typeof stores)[0]];
  let views = 0;
  return {
    target: layerTarget(store),
    other: layerTarget(other),
    damaged: "ERR_INVALID_ARGUMENT",
    collect: async () => void (await store.sweep({ isUsed: async () => false })),
    leftovers: () => readdir(join(root, "layers", "staging")).catch(() => []),
    async filesOf(chain) {
      const view = join(folder, `view-${views++}`);
      await store.assemble(chain, view);
      return (await readdir(view)).toSorted();
    },
    async dispose() {
      for (const each of stores) await each.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
});
