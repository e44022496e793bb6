import { readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Digest } from "../../src/digest/digest.ts";
import { ErrFailedPrecondition, ErrNotFound } from "../../src/errors.ts";
import { chainIds } from "../../src/oci/chain-id.ts";
import { type BuiltImage, buildImage, TestRegistry } from "../../src/testing.ts";
import { damage } from "../content/support/damage.ts";
import { type Engine, openEngine } from "./support/engine.ts";
import { statusLog } from "./support/status-lines.ts";

let registry: TestRegistry;
let image: BuiltImage;
let name: string;
let engine: Engine;
/** Its layers: `layer-0`, `layer-1` and `layer-2` are files in the root, one in each. */
let chain: readonly Digest[];

beforeEach(async () => {
  registry = await TestRegistry.start();
  image = await buildImage(registry, "team/app", { tag: "v1", layers: [5_000, 4_000, 3_000] });
  name = `${registry.host}/team/app:v1`;
  engine = await openEngine({ layers: true });
  await engine.pull(name);
  chain = chainIds(image.layers.map(({ diffId }) => diffId));
});

afterEach(async () => {
  await engine[Symbol.asyncDispose]();
  await registry.close();
});

const at = (index: number, ...path: readonly string[]): string =>
  join(engine.root, "layers", chain[index]?.replace(":", "/") ?? "", ...path);
const blobOf = (index: number): Digest => image.layers[index]?.descriptor.digest as Digest;

async function blobsAskedDuring(work: () => Promise<unknown>): Promise<readonly (string | undefined)[]> {
  const before = registry.requests.length;
  await work();
  const asked = registry.requests.slice(before).filter(({ kind }) => kind !== "ping" && kind !== "token");
  return asked.map(({ digest, reference }) => digest ?? reference);
}

describe("check() of unpacked layers", () => {
  it("finds nothing in layers that are whole, and tells how many were compared", async () => {
    const log = statusLog();
    const { layers, whole } = await engine.check({ repair: true, onProgress: log.sink });
    expect(layers).toEqual({ checked: { count: 3, bytes: 12_000 }, damage: [], unverified: [] });
    expect(whole).toBe(true);
    expect(log.actions("layers")).toContain("Verifying");
  });

  it("has nothing to compare where nothing is unpacked, and makes nothing", async () => {
    await using plain = await openEngine();
    await plain.pull(name);
    expect((await plain.check()).layers).toEqual({
      checked: { count: 0, bytes: 0 },
      damage: [],
      unverified: [],
    });
    expect(await readdir(plain.root)).not.toContain("layers");
  });

  it.each<readonly [string, (at: string) => Promise<unknown>, object]>([
    ["a file is cut", (path) => truncate(join(path, "fs/layer-1"), 7), { problem: "damaged" }],
    ["a file is gone", (path) => rm(join(path, "fs/layer-1")), { problem: "damaged" }],
    ["a file is added", (path) => writeFile(join(path, "fs/mine"), ""), { problem: "damaged" }],
    ["the record is damaged", (path) => writeFile(join(path, "layer.json"), "{}"), { problem: "damaged" }],
    ["the files are gone", (path) => rm(join(path, "fs"), { recursive: true }), { problem: "damaged" }],
    ["it is gone", (path) => rm(path, { recursive: true }), { problem: "missing" }],
  ])("names a layer when %s, and heals it without asking anybody", async (_, spoil, expected) => {
    await spoil(at(1));
    await using plain = await openEngine({ root: engine.root }); // who checks need not unpack images
    const asked = await blobsAskedDuring(async () => {
      const found = await plain.check();
      expect(found).toMatchObject({ whole: false, damage: [] });
      expect(found.layers.damage).toMatchObject([
        { chainId: chain[1], images: [name], needed: true, repaired: false, ...expected },
      ]);
      const healed = await plain.check({ repair: true });
      expect(healed).toMatchObject({ whole: true, layers: { damage: [{ repaired: true, ...expected }] } });
    });
    expect(asked).toEqual([]);
    expect(await readFile(at(1, "fs/layer-1"))).toHaveLength(4_000);
    expect(await plain.check()).toMatchObject({
      whole: true,
      layers: { checked: { count: 3 }, damage: [], unverified: [] },
    });
    expect(await readdir(join(engine.root, "layers", "staging"))).toEqual([]);
  });

  it("heals several layers of a chain, from the lowest up", async () => {
    for (const index of [0, 1, 2]) await rm(at(index, "layer.json"));
    const { layers, whole } = await engine.check({ repair: true });
    expect(layers.damage.map(({ chainId, repaired }) => [chainId, repaired])).toEqual(
      chain.map((chainId) => [chainId, true]),
    );
    expect(whole).toBe(true);
  });

  it("fetches the blob of a layer that is damaged as well, and nothing else", async () => {
    await damage(engine.root, blobOf(1), "flipped");
    await writeFile(at(1, "fs/layer-1"), "");
    const asked = await blobsAskedDuring(async () => {
      const result = await engine.check({ repair: true });
      expect(result).toMatchObject({
        whole: true,
        layers: { damage: [{ chainId: chain[1], repaired: true }] },
      });
    });
    expect(asked).toEqual([blobOf(1)]);
  });

  it("compares nothing with a blob that is not here, and says so", async () => {
    await registry.close();
    await rm(join(engine.root, "blobs", blobOf(1).replace(":", "/")), { force: true });
    await writeFile(at(1, "fs/layer-1"), "");
    const { layers, whole } = await engine.check({ repair: true });
    expect(layers).toMatchObject({ checked: { count: 2 }, damage: [] });
    expect(layers.unverified).toMatchObject([{ chainId: chain[1], images: [name] }]);
    expect(layers.unverified[0]?.error).toBeInstanceOf(ErrNotFound);
    expect(whole).toBe(false); // the image needs the blob
  });

  it("says why a layer that cannot be used was not made again", async () => {
    await registry.close();
    await rm(join(engine.root, "blobs", blobOf(2).replace(":", "/")), { force: true });
    await rm(at(2, "layer.json"));
    const { layers } = await engine.check({ repair: true });
    expect(layers.damage).toMatchObject([{ chainId: chain[2], repaired: false }]);
    expect(layers.damage[0]?.error).toBeInstanceOf(ErrNotFound);
  });

  it.each<readonly [string, (at: string) => Promise<unknown>]>([
    ["without a record", (path) => rm(join(path, "layer.json"))],
    ["without its files", (path) => rm(join(path, "fs"), { recursive: true })],
    ["that is gone", (path) => rm(path, { recursive: true })],
  ])("fetches the blob of a layer %s, and no other, for an image that keeps no blobs", async (_, spoil) => {
    await engine.pull(name, { keepBlobs: false });
    await engine.prune({ minAgeMs: 0 });
    const whole = await engine.check();
    expect(whole).toMatchObject({ whole: true, damage: [], layers: { checked: { count: 0 }, damage: [] } });
    expect(whole.layers.unverified).toHaveLength(3);
    await spoil(at(1));
    expect((await engine.check()).whole).toBe(false);
    const asked = await blobsAskedDuring(async () => {
      const healed = await engine.check({ repair: true });
      expect(healed).toMatchObject({
        whole: true,
        layers: { damage: [{ chainId: chain[1], repaired: true }] },
      });
    });
    expect(asked).toEqual([blobOf(1)]);
    expect(await readFile(at(1, "fs/layer-1"))).toHaveLength(4_000);
  });

  it("names what was made with other rights as not compared, and leaves it as it is", async () => {
    const record = JSON.parse(await readFile(at(0, "layer.json"), "utf8"));
    await writeFile(
      at(0, "layer.json"),
      JSON.stringify({ ...record, missing: ['2 devices, such as "tty"'] }),
    );
    const { ino } = await stat(at(0));
    const { layers, whole } = await engine.check({ repair: true });
    expect(layers.unverified[0]?.error).toBeInstanceOf(ErrFailedPrecondition);
    expect((await stat(at(0))).ino).toBe(ino);
    expect(whole).toBe(true);
  });

  it("heals what an engine keeps without an image, and takes no notice of what nobody keeps", async () => {
    await engine.layers?.use("container 1", chain[1] as Digest);
    await engine.withLease(async () => {
      await engine.remove(name); // the blobs stay as long as the lease is held
      await writeFile(at(0, "fs/layer-0"), "");
      const found = await engine.check({ repair: true });
      expect(found.layers.damage).toMatchObject([
        { chainId: chain[0], images: [], needed: true, repaired: true },
      ]);
      await engine.layers?.unuse("container 1");
      await writeFile(at(0, "fs/layer-0"), "");
      expect(await engine.check()).toMatchObject({ whole: true, layers: { damage: [{ needed: false }] } });
    });
  });

  it("leaves the layers alone that pulls are working with, and pulls run beside it", async () => {
    const others = await Promise.all(
      [1, 2, 3].map((index) =>
        buildImage(registry, `team/other${index}`, { tag: "v1", layers: [5_000, 4_000, 100 + index] }),
      ),
    );
    await writeFile(at(1, "fs/layer-1"), "");
    const work = [1, 2, 3].map((index) => engine.pull(`${registry.host}/team/other${index}:v1`));
    const [{ layers }] = await Promise.all([engine.check({ repair: true }), ...work]);
    expect(layers.damage.filter(({ repaired }) => !repaired)).toEqual([]);
    const result = await engine.check();
    expect(result).toMatchObject({ whole: true, layers: { damage: [], unverified: [] } });
    expect(result.layers.checked.count).toBe(3 + others.length);
  });
});
