import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Digest, shortId } from "../../src/digest/digest.ts";
import { ErrNotFound } from "../../src/errors.ts";
import { buildImage, buildIndex, TestRegistry } from "../../src/testing.ts";
import { digestsOf, layerOf } from "./support/built-image.ts";
import { EMPTY, OCI, putBlob, putIndex, putManifest } from "./support/documents.ts";
import { blobsOn, type Engine, failureOf, namesOn, openEngine } from "./support/engine.ts";
import { asked, expectEachOnce, getCounts } from "./support/requests.ts";
import { statusLog } from "./support/status-lines.ts";

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
  await engine[Symbol.asyncDispose]();
  await registry.close();
});

describe("pull() of a reference", () => {
  it.each([
    ["a tag", ":v1", ":v1"],
    ["no tag", "", ":latest"],
  ])("by %s names what it resolves to", async (_, suffix, fullSuffix) => {
    const image = await buildImage(registry, REPOSITORY, {
      tag: fullSuffix.slice(1),
      layers: [5_000, 7_000],
    });

    const result = await engine.pull(name + suffix);

    const { platform: _platform, ...target } = image.descriptor;
    const isImage = { kind: "image", warnings: [] };
    expect(result).toEqual({
      reference: name + fullSuffix,
      digest: target.digest,
      images: [{ name: name + fullSuffix, target, updated: true, endpoint: registry.url, ...isImage }],
      endpoint: registry.url,
      passedOver: [],
      served: expect.any(Array),
    });
    expect(await engine.images.list()).toEqual([{ name: name + fullSuffix, target }]);
    expect(await blobsOn(engine.root)).toEqual(digestsOf(image));
  });

  it.each([
    ["a digest", ""],
    ["a digest beside a tag", ":v1"],
  ])("by %s names the digest alone", async (_, tag) => {
    const image = await buildImage(registry, REPOSITORY, { tag: "v1", layers: [5_000] });
    registry.putManifest(REPOSITORY, "v1", "{}", OCI.manifest); // the tag has moved on: the digest counts

    const { reference, digest, images } = await engine.pull(`${name}${tag}@${image.descriptor.digest}`);

    expect(reference).toBe(`${name}@${image.descriptor.digest}`);
    expect(digest).toBe(image.descriptor.digest);
    expect(images.map((pulled) => pulled.name)).toEqual([reference]);
    expect(await blobsOn(engine.root)).toEqual(digestsOf(image));
  });

  it.each(["oci", "docker"] as const)("brings the images of an %s index", async (mediaTypes) => {
    const platform = { os: "linux", architecture: "arm64" };
    const wanted = await buildImage(registry, REPOSITORY, { layers: [5_000], platform, mediaTypes });
    const other = await buildImage(registry, REPOSITORY, { layers: [6_000], mediaTypes });
    const index = buildIndex(registry, REPOSITORY, { tag: "v1", images: [other, wanted], mediaTypes });

    const { digest, images } = await engine.pull(`${name}:v1`, { platform: "linux/arm64" });

    expect(digest).toBe(index.digest);
    expect(images[0]?.target).toEqual(index);
    expect(await blobsOn(engine.root)).toEqual([index.digest, ...digestsOf(wanted)].toSorted());
  });
});

describe("pull() of an index", () => {
  const variants = [{ variant: "v5" }, { variant: "v7" }, { variant: "v6" }] as const;

  it.each([
    ["linux/arm/v7", "v7", "the exact variant"],
    ["linux/arm/v8", "v7", "the best variant that the machine runs"],
    ["linux/arm/v6", "v6", "no variant that the machine cannot run"],
  ])("takes for %s variant %s: %s", async (platform, expected) => {
    const images = await Promise.all(
      variants.map(({ variant }, index) =>
        buildImage(registry, REPOSITORY, {
          layers: [1_000 + index],
          platform: { os: "linux", architecture: "arm", variant },
        }),
      ),
    );
    const index = buildIndex(registry, REPOSITORY, { tag: "v1", images });
    const wanted = images.find(({ descriptor }) => descriptor.platform?.variant === expected);

    await engine.pull(`${name}:v1`, { platform });

    expect(await blobsOn(engine.root)).toEqual(
      [index.digest, ...digestsOf(...(wanted ? [wanted] : []))].toSorted(),
    );
  });

  it("refuses a platform that is not in it, and names nothing", async () => {
    const image = await buildImage(registry, REPOSITORY, { layers: [1_000] });
    buildIndex(registry, REPOSITORY, { tag: "v1", images: [image] });

    const failure = await failureOf(engine.pull(`${name}:v1`, { platform: "linux/s390x" }));

    expect(failure).toBeInstanceOf(ErrNotFound);
    expect(failure.message).toBe("no matching manifest for linux/s390x in the manifest list entries");
    expect(await namesOn(engine.root)).toEqual([]);
  });

  it("takes the single image of a tag that is no index whatever its platform", async () => {
    const image = await buildImage(registry, REPOSITORY, { tag: "v1", layers: [1_000] });
    await engine.pull(`${name}:v1`, { platform: "windows/arm64" });
    expect(await blobsOn(engine.root)).toEqual(digestsOf(image));
  });

  it("takes every layer of the image, also one that claims another platform", async () => {
    const { config, layers } = await buildImage(registry, REPOSITORY, { layers: [1_000, 2_000] });
    const claimed = layers.map(({ descriptor }) => ({
      ...descriptor,
      platform: { os: "windows", architecture: "amd64" },
    }));
    putManifest(registry, { repository: REPOSITORY, tag: "v1" }, { config, layers: claimed });
    await engine.pull(`${name}:v1`, { platform: "linux/amd64" });
    expect(await blobsOn(engine.root)).toHaveLength(4);
  });

  it("passes over what is no image", async () => {
    const image = await buildImage(registry, REPOSITORY, { layers: [1_000] });
    const statement = await putBlob(registry, REPOSITORY, {
      mediaType: "application/vnd.in-toto+json",
      content: "{}",
    });
    const { platform } = image.descriptor;
    putIndex(registry, { repository: REPOSITORY, tag: "v1" }, [{ ...statement, platform }, image.descriptor]);
    await engine.pull(`${name}:v1`, { platform: "linux/amd64" });
    expect(await blobsOn(engine.root)).toEqual(expect.arrayContaining([...digestsOf(image)]));
  });

  it.each([
    ["nothing", []],
    ["nothing but what is no image", [{ ...EMPTY, mediaType: "application/vnd.in-toto+json" }]],
  ])("refuses one that holds %s", async (_, manifests) => {
    await registry.putBlob(REPOSITORY, Buffer.from("{}"));
    putIndex(registry, { repository: REPOSITORY, tag: "v1" }, manifests);
    for (const options of [{ platform: "linux/amd64" }, { allPlatforms: true }]) {
      const failure = await failureOf(engine.pull(`${name}:v1`, options));
      expect(failure).toBeInstanceOf(ErrNotFound);
      expect(failure.message).toMatch(/^no matching manifest for .* in the manifest list entries$/);
    }
    expect(await namesOn(engine.root)).toEqual([]);
  });

  it("goes down into a nested one", async () => {
    const image = await buildImage(registry, REPOSITORY, { layers: [1_000] });
    const other = await buildImage(registry, REPOSITORY, {
      layers: [2_000],
      platform: { os: "linux", architecture: "arm64" },
    });
    const inner = buildIndex(registry, REPOSITORY, { images: [other, image] });
    const outer = putIndex(registry, { repository: REPOSITORY, tag: "v1" }, [inner]);
    await engine.pull(`${name}:v1`, { platform: "linux/amd64" });
    expect(await blobsOn(engine.root)).toEqual([outer.digest, inner.digest, ...digestsOf(image)].toSorted());
  });

  it("brings all platforms with each blob once", async () => {
    const shared = Buffer.alloc(20_000, "shared");
    const images = await Promise.all(
      ["amd64", "arm64", "s390x"].map((architecture, index) =>
        buildImage(registry, REPOSITORY, {
          layers: [shared, 3_000 + index],
          platform: { os: "linux", architecture },
        }),
      ),
    );
    const index = buildIndex(registry, REPOSITORY, { tag: "v1", images });

    await engine.pull(`${name}:v1`, { allPlatforms: true });

    const all = [index.digest, ...digestsOf(...images)].toSorted();
    expect(await blobsOn(engine.root)).toEqual(all);
    expectEachOnce(registry, all);
  });
});

describe("pull() of an unusual image", () => {
  it("brings an artifact whose config is the empty one, and a layer too", async () => {
    const content = await putBlob(registry, REPOSITORY, { mediaType: "text/plain", content: "hello" });
    await registry.putBlob(REPOSITORY, Buffer.from("{}"));
    const manifest = putManifest(
      registry,
      { repository: REPOSITORY, tag: "v1" },
      { artifactType: "application/vnd.example", config: EMPTY, layers: [content, EMPTY] },
    );

    await engine.pull(`${name}:v1`);

    expect(await blobsOn(engine.root)).toEqual([manifest.digest, EMPTY.digest, content.digest].toSorted());
    expect(getCounts(registry).get(EMPTY.digest)).toBe(1);
  });

  it("asks for no content that a descriptor brings along", async () => {
    const config = { ...EMPTY, data: "e30=" };
    putManifest(registry, { repository: REPOSITORY, tag: "v1" }, { config, layers: [] });
    await engine.pull(`${name}:v1`);
    expect(await blobsOn(engine.root)).toContain(EMPTY.digest);
    expect(asked(registry)).toEqual(["GET manifest"]);
  });

  it("brings an image without layers", async () => {
    const image = await buildImage(registry, REPOSITORY, { tag: "v1", layers: [] });
    const log = statusLog();
    await engine.pull(`${name}:v1`, { onProgress: log.sink });
    expect(await blobsOn(engine.root)).toEqual(digestsOf(image));
    expect(log.lines()).toHaveLength(3);
  });

  it("moves and shows a layer once that the image has twice", async () => {
    const { layers } = await buildImage(registry, REPOSITORY, { layers: [50_000] });
    const twice = layers.flatMap(({ descriptor }) => [descriptor, descriptor]);
    const diffIds = layers.flatMap(({ diffId }) => [diffId, diffId]);
    const { config } = await buildImage(registry, REPOSITORY, {
      layers: [],
      config: { rootfs: { type: "layers", diff_ids: diffIds } },
    });
    putManifest(registry, { repository: REPOSITORY, tag: "v1" }, { config, layers: twice });
    const log = statusLog();

    await engine.pull(`${name}:v1`, { onProgress: log.sink });

    const digest = twice[0]?.digest as Digest;
    expect(getCounts(registry).get(digest)).toBe(1);
    expect(log.actions(shortId(digest)).filter((action) => action === "Pull complete")).toHaveLength(1);
  });
});

/** The methods of all requests for manifests. */
function manifestsAsked(): readonly string[] {
  return registry.requests.flatMap(({ kind, method }) => (kind === "manifest" ? [method] : []));
}

describe("pull() where every GET of a manifest is counted", () => {
  it("costs nothing for a tag that is here and unchanged", async () => {
    await buildImage(registry, REPOSITORY, { tag: "v1", layers: [5_000] });
    await engine.pull(`${name}:v1`);
    const before = manifestsAsked().length;
    await engine.pull(`${name}:v1`);
    expect(manifestsAsked().slice(before)).toEqual(["HEAD"]);
  });

  it("costs nothing for a new tag of an image that is here, where one of the repository came before", async () => {
    const { descriptor } = await buildImage(registry, REPOSITORY, { tag: "v1", layers: [5_000] });
    await buildImage(registry, REPOSITORY, { tag: "latest", layers: [5_000] });
    await engine.pull(`${name}:v1`);
    expect(await engine.pull(`${name}:latest`)).toMatchObject({ digest: descriptor.digest });
    expect(manifestsAsked()).toEqual(["GET", "HEAD"]);
  });

  it("costs one for a new tag of another image, and for one whose first pull failed", async () => {
    const first = await buildImage(registry, REPOSITORY, { tag: "v1", layers: [5_000] });
    await buildImage(registry, REPOSITORY, { tag: "v2", layers: [6_000] });
    const fault = registry.fault({ digest: layerOf(first).digest, times: 99 }, { status: 404 });
    await failureOf(engine.pull(`${name}:v1`));
    fault.remove();
    for (const tag of ["v1", "v2"]) await engine.pull(`${name}:${tag}`);
    expect(manifestsAsked()).toEqual(["GET", "HEAD", "HEAD", "GET"]);
  });

  it("costs one by each source of what is new there", async () => {
    await using mirror = await TestRegistry.start();
    await using mirrored = await openEngine({ registry: { mirrors: { [registry.host]: [mirror.url] } } });
    await buildImage(registry, REPOSITORY, { tag: "v1", layers: [5_000] });
    await mirrored.pull(`${name}:v1`);
    expect(mirror.requests.map(({ method, kind }) => `${method} ${kind}`)).toEqual(["GET manifest"]);
    expect(registry.requests.map(({ kind }) => kind)).toEqual(["ping", "manifest", "blob", "blob"]);
  });

  it("asks for a digest that is not here at once, and for one that is here whether it is there", async () => {
    const { descriptor } = await buildImage(registry, REPOSITORY, { tag: "v1", layers: [5_000] });
    await engine.pull(`${name}@${descriptor.digest}`);
    expect(manifestsAsked()).toEqual(["GET"]);
    await engine.pull(`${name}@${descriptor.digest}`);
    expect(manifestsAsked()).toEqual(["GET", "HEAD"]);
  });
});
