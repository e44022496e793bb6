import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Digest, shortId } from "../../src/digest/digest.ts";
import { ErrAlreadyExists, ErrDataLoss, ErrFailedPrecondition, ErrNotFound } from "../../src/errors.ts";
import { chainIds } from "../../src/oci/chain-id.ts";
import { type BuiltImage, buildImage, TestRegistry } from "../../src/testing.ts";
import { type Engine, failureOf, openEngine } from "./support/engine.ts";
import { statusLog } from "./support/status-lines.ts";

const REPOSITORY = "team/app";

let registry: TestRegistry;
let image: BuiltImage;
let name: string;
let directory: string;
let engine: Engine;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "drayage-unpack-"));
  registry = await TestRegistry.start();
  image = await buildImage(registry, REPOSITORY, { tag: "v1", layers: [70_000, 500, 3_000] });
  name = `${registry.host}/${REPOSITORY}:v1`;
  engine = await openEngine({ layers: true });
});

afterEach(async () => {
  await engine[Symbol.asyncDispose]();
  await registry.close();
  await rm(directory, { recursive: true, force: true });
});

const chainOf = ({ layers }: BuiltImage): Digest[] => chainIds(layers.map(({ diffId }) => diffId));
const layersOn = async (root: string): Promise<string[]> => {
  const names = await readdir(join(root, "layers", "sha256")).catch(() => []);
  return names.map((each) => `sha256:${each}`).toSorted();
};
const sorted = (digests: readonly string[]): string[] => digests.toSorted();

describe("a pull by an engine with layers", () => {
  it("unpacks the image, and shows how that goes", async () => {
    const log = statusLog();
    await engine.pull(name, { onProgress: log.sink });
    expect(await layersOn(engine.root)).toEqual(sorted(chainOf(image)));
    const digest = image.layers[0]?.descriptor.digest ?? "";
    const id = digest.slice("sha256:".length, "sha256:".length + 12);
    expect(log.actions(id)).toContain("Extracting");
    const extracting = log.progress.filter((item) => item.kind === "update" && item.action === "Extracting");
    const { size } = image.layers[0]?.descriptor ?? { size: 0 };
    expect(extracting).toContainEqual({
      kind: "update",
      id,
      digest,
      phase: "extracting",
      action: "Extracting",
      currentBytes: size,
      totalBytes: size,
      entries: 1,
    });
    expect(log.actions(id).at(-1)).toBe("Pull complete");
  });

  it("unpacks each layer once for all who pull it", async () => {
    const more = await buildImage(registry, "team/other", { tag: "v1", layers: [70_000, 500, 4_000] });
    await using other = await openEngine({ root: engine.root, layers: true });
    const names = [name, `${registry.host}/team/other:v1`];
    await Promise.all([engine, other, engine, other].flatMap((each) => names.map((one) => each.pull(one))));
    expect(await layersOn(engine.root)).toEqual(sorted([...new Set([...chainOf(image), ...chainOf(more)])]));
    expect(await readdir(join(engine.root, "layers", "staging"))).toEqual([]);
  });

  it("leaves no layer, and no name, of an image whose config lies", async () => {
    const [first, ...others] = image.layers.map(({ diffId }) => diffId);
    const diffIds = [...others, first];
    await buildImage(registry, "team/liar", {
      tag: "v1",
      layers: [70_000, 500, 3_000],
      config: { rootfs: { type: "layers", diff_ids: diffIds } },
    });
    const error = await failureOf(engine.pull(`${registry.host}/team/liar:v1`));
    expect(error).toBeInstanceOf(ErrDataLoss);
    expect(await layersOn(engine.root)).toEqual([]);
    expect(await engine.images.list()).toEqual([]);
  });

  it("fetches nothing again after layers were lost", async () => {
    await engine.pull(name);
    await rm(join(engine.root, "layers"), { recursive: true, maxRetries: 10 }); // a sweep may be busy there
    const before = registry.requests.length;
    await engine.pull(name);
    expect(await layersOn(engine.root)).toEqual(sorted(chainOf(image)));
    expect(registry.requests.slice(before).filter(({ kind }) => kind === "blob")).toEqual([]);
  });

  it("says without layers that there are none", async () => {
    await using plain = await openEngine();
    await plain.pull(name);
    expect(plain.layers).toBeUndefined();
    await expect(plain.unpack(name)).rejects.toThrow(ErrFailedPrecondition);
    await expect(plain.assemble(name, join(directory, "rootfs"))).rejects.toThrow(ErrFailedPrecondition);
  });
});

describe("layers of images", () => {
  it("stay as long as a name needs them, by whomever it is removed", async () => {
    const other = await buildImage(registry, "team/other", { tag: "v1", layers: [70_000, 500, 4_000] });
    await engine.pull(name);
    await engine.pull(`${registry.host}/team/other:v1`);
    await using plain = await openEngine({ root: engine.root });
    await plain.remove(name);
    expect(await layersOn(engine.root)).toEqual(sorted(chainOf(other)));
    await engine.remove(`${registry.host}/team/other:v1`);
    expect(await layersOn(engine.root)).toEqual([]);
  });

  it("stay as long as an engine keeps them under a name of its own", async () => {
    await engine.pull(name);
    const top = chainOf(image).at(-1) as Digest;
    await engine.layers?.use("container 1", top);
    await engine.remove(name);
    expect(await layersOn(engine.root)).toHaveLength(3);
    await engine.layers?.unuse("container 1");
    const { layers, reclaimedBytes } = await engine.prune();
    expect(sorted(layers)).toEqual(sorted(chainOf(image)));
    expect(reclaimedBytes).toBe(73_500);
    expect(await layersOn(engine.root)).toEqual([]);
  });

  it("are measured apart from content", async () => {
    await engine.pull(name);
    await engine.layers?.use("container 1", chainOf(image)[0] as Digest);
    expect(await engine.diskUsage()).toMatchObject({
      layers: { count: 3, bytes: 73_500 },
      unusedLayers: { count: 0, bytes: 0 },
    });
    await engine.layers?.unuse("container 1");
    const { layers } = await engine.prune({ dryRun: true });
    expect(layers).toEqual([]);
  });
});

describe("unpack() and assemble()", () => {
  it("make the root file system of an image that was pulled without layers", async () => {
    await engine.pull(name, { unpack: false });
    const rootfs = join(directory, "rootfs");
    const unpacked = await engine.assemble(name, rootfs);
    expect(unpacked).toEqual({ name, config: image.config.digest, chainIds: chainOf(image), warnings: [] });
    expect(await readdir(rootfs)).toEqual(["layer-0", "layer-1", "layer-2"]);
    expect(await readFile(join(rootfs, "layer-0"))).toHaveLength(70_000);
    await engine.remove(name);
    expect(await layersOn(engine.root)).toEqual([]);
  });

  it("say before what this host cannot make of layers, and afterwards what is missing in those of the image", async () => {
    await using other = await openEngine({ layers: true });
    const told: string[][] = [];
    other.events.on("lacking", ({ lacking }) => told.push([...lacking]));
    vi.stubEnv("PATH", directory); // no GNU tar is there
    await other.pull(name).finally(() => vi.unstubAllEnvs());
    expect(told).toHaveLength(1);
    expect(told[0]).toEqual(expect.arrayContaining(["devices", "FIFOs"]));
    const [lowest] = chainOf(image);
    const record = join(other.root, "layers", lowest?.replace(":", "/") ?? "", "layer.json");
    const missing = ['2 devices, such as "dev/null"'];
    await writeFile(record, JSON.stringify({ ...JSON.parse(await readFile(record, "utf8")), missing }));
    const warning = `WARNING: layer ${shortId(lowest as Digest)} lacks 2 devices, such as "dev/null"`;
    expect((await other.unpack(name)).warnings).toEqual([warning]);
    expect((await other.pull(name)).images[0]?.warnings).toEqual([warning]);
    expect(await other.diskUsage()).toMatchObject({ incompleteLayers: { count: 1, bytes: 70_000 } });
  });

  it("refuse a directory with something in it", async () => {
    await engine.pull(name);
    await writeFile(join(directory, "mine"), "");
    await expect(engine.assemble(name, directory)).rejects.toThrow(ErrAlreadyExists);
    expect(await readdir(directory)).toEqual(["mine"]);
  });

  it("refuse a name that is not here", async () => {
    await expect(engine.unpack(name)).rejects.toThrow(ErrNotFound);
    const rootfs = join(directory, "rootfs");
    await mkdir(rootfs);
    await expect(engine.assemble(name, rootfs)).rejects.toThrow(ErrNotFound);
    expect(await readdir(rootfs)).toEqual([]);
  });

  it("tell which layers an image has, for mounts", async () => {
    await engine.pull(name);
    const { chainIds: chain } = await engine.unpack(name);
    const { mounts } = (await engine.layers?.mounts(chain)) ?? { mounts: [] };
    const paths = chain.map((chainId) => join(engine.root, "layers", chainId.replace(":", "/"), "fs"));
    const options = [`lowerdir=${paths.toReversed().join(":")}`];
    expect(mounts).toEqual([{ type: "overlay", source: "overlay", options }]);
  });
});
