import { join } from "node:path";
import { PassThrough } from "node:stream";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ErrCanceled, ErrFailedPrecondition } from "../../src/errors.ts";
import { buildImage, buildIndex, TestRegistry } from "../../src/testing.ts";
import { blobsOn, namesOn } from "../distribution/support/engine.ts";
import { openSite, type Site } from "./support/site.ts";

const REPOSITORY = "team/app";
const PLATFORMS = [
  { os: "linux", architecture: "amd64" },
  { os: "linux", architecture: "arm64" },
];
let registry: TestRegistry;
let site: Site;
let name: string;

beforeEach(async () => {
  registry = await TestRegistry.start();
  site = await openSite();
  name = `${registry.host}/${REPOSITORY}:v1`;
});

afterEach(async () => {
  await site[Symbol.asyncDispose]();
  await registry.close();
});

/** Puts an index of one image per platform into the registry. */
async function buildPlatforms(layers: readonly number[], mediaTypes: "oci" | "docker" = "oci") {
  const images = [];
  for (const platform of PLATFORMS) {
    images.push(await buildImage(registry, REPOSITORY, { layers, platform, mediaTypes }));
  }
  return buildIndex(registry, REPOSITORY, { tag: "v1", images, mediaTypes });
}

describe("export() and import()", () => {
  it("carry what was pulled into another data root, digest for digest", async () => {
    const layers = fc.array(fc.integer({ min: 0, max: 60_000 }), { maxLength: 4 });
    const mediaTypes = fc.constantFrom("oci" as const, "docker" as const);
    await fc.assert(
      fc.asyncProperty(layers, mediaTypes, fc.boolean(), async (sizes, family, asStream) => {
        await using source = await openSite();
        await using target = await openSite();
        const { digest } = await buildPlatforms(sizes, family);
        await source.engine.pull(name, { allPlatforms: true });
        const archive = join(source.root, "archive.tar");
        const stream = new PassThrough();
        await Promise.all([
          source.engine.export(name, asStream ? stream : archive).then(() => stream.end()),
          asStream && target.engine.import(stream),
        ]);
        if (!asStream) await target.engine.import(archive);
        expect((await target.engine.images.get(name)).target.digest).toBe(digest);
        expect(await namesOn(target.root)).toEqual(await namesOn(source.root));
        expect(await blobsOn(target.root)).toEqual(await blobsOn(source.root));
      }),
      { numRuns: 15 },
    );
  });

  it("carry one platform out of an index under the index's own digest", async () => {
    const { digest } = await buildPlatforms([5_000]);
    await site.engine.pull(name, { platform: "linux/arm64" });
    const archive = join(site.root, "archive.tar");
    await site.engine.export(name, archive);
    await using target = await openSite();
    const [image] = await target.engine.import(archive, { name: "mine" });
    expect(image).toMatchObject({ name: "docker.io/library/mine:v1", target: { digest } });
    expect(await blobsOn(target.root)).toEqual(await blobsOn(site.root));
  });

  it("take a whole data root for a layout", async () => {
    await buildPlatforms([5_000]);
    await site.engine.pull(name, { allPlatforms: true });
    await site.engine.images.tag("second:1", (await site.engine.images.get(name)).target);
    await using target = await openSite();
    expect((await target.engine.import(site.root)).map((image) => image.name)).toEqual(
      await namesOn(site.root),
    );
    expect(await blobsOn(target.root)).toEqual(await blobsOn(site.root));
  });

  it("tell names that are made", async () => {
    const { digest } = await buildPlatforms([5_000]);
    await site.engine.pull(name, { allPlatforms: true });
    await using target = await openSite();
    const told: unknown[] = [];
    target.engine.events.on("tag", (event) => told.push(event));
    await target.engine.import(site.root);
    expect(told).toMatchObject([{ name, digest, target: { digest }, previous: undefined, cause: "import" }]);
  });

  it("keep content from being removed while they run", async () => {
    await buildPlatforms([5_000]);
    await site.engine.pull(name, { allPlatforms: true });
    const stream = new PassThrough({ highWaterMark: 1 });
    const exporting = site.engine.export(name, stream);
    const removed = await site.engine.remove(name);
    expect(removed).toMatchObject({ deleted: [], kept: true });
    stream.resume();
    await exporting;
  });

  it("end with the distribution, and by the signal", async () => {
    await buildPlatforms([5_000]);
    await site.engine.pull(name, { allPlatforms: true });
    const signal = AbortSignal.abort();
    const archive = join(site.root, "archive.tar");
    await expect(site.engine.export(name, archive, { signal })).rejects.toThrow(ErrCanceled);
    await expect(site.engine.import(site.root, { signal })).rejects.toThrow(ErrCanceled);
    await using other = await openSite();
    await other.engine.close();
    await expect(other.engine.export(name, archive)).rejects.toThrow(ErrFailedPrecondition);
    await expect(other.engine.import(archive)).rejects.toThrow(ErrFailedPrecondition);
  });
});
