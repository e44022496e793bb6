import { readFile } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ErrDataLoss } from "../../src/errors.ts";
import { type BuiltImage, buildImage, TestRegistry } from "../../src/testing.ts";
import { blobFile, DAMAGE_KINDS, damage } from "../content/support/damage.ts";
import { layerOf } from "./support/built-image.ts";
import { blobsOn, type Engine, failureOf, openEngine } from "./support/engine.ts";

let registry: TestRegistry;
let engine: Engine;
let image: BuiltImage;
let name: string;
/** Requests that were made before the damage. */
let before: number;
beforeEach(async () => {
  registry = await TestRegistry.start();
  engine = await openEngine();
  name = `${registry.host}/team/app:v1`;
  image = await buildImage(registry, "team/app", { tag: "v1", layers: [50_000, 1_000] });
  await engine.pull(name);
  before = registry.requests.length;
});
afterEach(async () => {
  await engine[Symbol.asyncDispose]();
  await registry.close();
});

/** Digests of what was fetched since the damage, sorted, as often as it was fetched. */
function fetched(): readonly string[] {
  return registry.requests
    .slice(before)
    .flatMap(({ method, digest }) => (method === "GET" && digest !== undefined ? [digest] : []))
    .toSorted();
}

describe("pull() over damaged content", () => {
  it.each(["cut", "emptied", "removed"] as const)(
    "fetches a layer that was %s again, and nothing else",
    async (kind) => {
      const { digest } = layerOf(image);
      await damage(engine.root, digest, kind);
      await engine.pull(name);
      expect(fetched()).toEqual([digest]);
      expect(await blobsOn(engine.root)).toHaveLength(4);
    },
  );

  it.each(DAMAGE_KINDS)("fetches documents that were %s again, and nothing else", async (kind) => {
    const digests = [image.descriptor.digest, image.config.digest];
    for (const digest of digests) await damage(engine.root, digest, kind);
    await engine.pull(name);
    expect(fetched()).toEqual(digests.toSorted());
    expect(await blobsOn(engine.root)).toHaveLength(4);
  });

  it("does not take a manifest's wrong size for damage of the layer that is there", async () => {
    const manifest = JSON.parse(await readFile(blobFile(engine.root, image.descriptor.digest), "utf8"));
    manifest.layers[0].size += 1;
    const bytes = Buffer.from(JSON.stringify(manifest));
    registry.putManifest("team/app", "lie", bytes, image.descriptor.mediaType);
    const failure = await failureOf(engine.pull(`${registry.host}/team/app:lie`));
    expect(failure).toBeInstanceOf(ErrDataLoss);
    expect(await blobsOn(engine.root)).toContain(layerOf(image).digest);
  });
});

describe("push() and export() of damaged content", () => {
  it.each(["cut", "emptied", "flipped"] as const)(
    "name a layer that was %s, and blame no registry",
    async (kind) => {
      await using target = await TestRegistry.start();
      const { digest } = layerOf(image);
      await damage(engine.root, digest, kind);
      for (const attempt of [
        () => engine.push(name, { target: `${target.host}/team/copy:v1` }),
        () => engine.export(name, `${engine.root}/export.tar`),
      ]) {
        const failure = await failureOf(attempt());
        expect(failure).toBeInstanceOf(ErrDataLoss);
        expect(failure).toMatchObject({ digest });
        expect(failure).not.toHaveProperty("endpoint");
      }
      expect(target.blobs("team/copy")).not.toContain(digest);
    },
  );
});
