import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { buildImage, TestRegistry } from "../../src/testing.ts";
import { digestsOf, layerOf } from "./support/built-image.ts";
import { blobsOn, type Engine, hasOnDisk, namesOn, openEngine } from "./support/engine.ts";
import { getCounts, gets } from "./support/requests.ts";
import { spawnPull } from "./support/spawn-pull.ts";

const REPOSITORY = "team/app";

let registry: TestRegistry;
let engine: Engine;
let name: string;

beforeEach(async () => {
  registry = await TestRegistry.start();
  engine = await openEngine();
  name = `${registry.host}/${REPOSITORY}`;
});

afterEach(async () => {
  await registry.close(); // first, so that no held request keeps the engine from closing
  await engine[Symbol.asyncDispose]();
});

describe("several processes on one data root", () => {
  it("ask for each blob once, and each what the tag means", async () => {
    const image = await buildImage(registry, REPOSITORY, { tag: "v1", layers: [300_000, 200_000] });
    await using second = await openEngine({ root: engine.root });
    await using one = spawnPull(engine.root, `${name}:v1`);
    await using two = spawnPull(engine.root, `${name}:v1`);
    const pulls = [engine, second].map((each) => each.pull(`${name}:v1`));

    expect(await Promise.all([one.said, two.said])).toEqual([
      image.descriptor.digest,
      image.descriptor.digest,
    ]);
    await Promise.all(pulls);

    const counts = getCounts(registry);
    const blobs = digestsOf(image).filter((digest) => digest !== image.descriptor.digest);
    expect(blobs.map((digest) => counts.get(digest))).toEqual([1, 1, 1]);
    expect(registry.requests.filter(({ kind }) => kind === "manifest")).toHaveLength(4);
    expect(await namesOn(engine.root)).toEqual([`${name}:v1`]);
    expect(await blobsOn(engine.root)).toHaveLength(4);
  });

  it("go on where a killed one stopped", async () => {
    const layer = layerOf(await buildImage(registry, REPOSITORY, { tag: "v1", layers: [900_000] }));
    registry.fault({ digest: layer.digest }, { stall: true, afterBytes: 400_000 });
    await using child = spawnPull(engine.root, `${name}:v1`);
    await hasOnDisk(engine, layer, 400_000);
    const pulled = engine.pull(`${name}:v1`);

    await child.kill();
    await pulled;

    expect(gets(registry, layer.digest)).toMatchObject([{}, { status: 206, range: "bytes=400000-" }]);
    expect(await blobsOn(engine.root)).toHaveLength(3);
  });
});
