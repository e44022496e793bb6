import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { choosePlatform } from "../../src/distribution/pull/pull-reference.ts";
import { type DrayageError, ErrDataLoss, ErrInvalidArgument, ErrNotImplemented } from "../../src/errors.ts";
import type { Descriptor } from "../../src/images.ts";
import { parsePlatform } from "../../src/platform/parse-platform.ts";
import { type BuiltImage, buildImage, TestRegistry } from "../../src/testing.ts";
import { layerOf } from "./support/built-image.ts";
import { EMPTY, OCI, putBlob, putIndex, putManifest } from "./support/documents.ts";
import { type Engine, failureOf, namesOn, openEngine } from "./support/engine.ts";
import { statusLog } from "./support/status-lines.ts";

const REPOSITORY = "team/app";
const ARM = { os: "linux", architecture: "arm64" };
const HEX = "1".repeat(64);

let registry: TestRegistry;
let engine: Engine;
let image: BuiltImage;
let name: string;

beforeEach(async () => {
  registry = await TestRegistry.start();
  engine = await openEngine();
  image = await buildImage(registry, REPOSITORY, { tag: "good", layers: [5_000] });
  name = `${registry.host}/${REPOSITORY}:v1`;
});

afterEach(async () => {
  await engine[Symbol.asyncDispose]();
  await registry.close();
});

/** Puts an image under `v1` that has this for its config. */
async function putWithConfig(content: string, mediaType: string = OCI.config): Promise<Descriptor> {
  const config = await putBlob(registry, REPOSITORY, { mediaType, content });
  return putManifest(registry, { repository: REPOSITORY, tag: "v1" }, { config, layers: [layerOf(image)] });
}

function configOf(diffIds: readonly string[]): string {
  return JSON.stringify({
    os: "linux",
    architecture: "amd64",
    rootfs: { type: "layers", diff_ids: diffIds },
  });
}

describe("pull() of what says that it is an image", () => {
  it.each([
    ["a config that is no JSON", "this is no JSON", /not valid JSON$/],
    ["a config without a rootfs", "{}", /invalid rootfs in image configuration$/],
    [
      "more layers than the config",
      configOf([`sha256:${HEX}`, `sha256:${HEX}`]),
      /layers from manifest don't match image configuration/,
    ],
  ])("names nothing that has %s", async (_, config, message) => {
    await putWithConfig(config);
    const failure = (await failureOf(engine.pull(name))) as DrayageError;
    expect(failure).toBeInstanceOf(ErrInvalidArgument);
    expect(failure.message).toMatch(message);
    expect(failure.endpoint).toBe(registry.url);
    expect(await namesOn(engine.root)).toEqual([]);
  });

  it("takes it from the registry when only a mirror has it so", async () => {
    await using mirror = await TestRegistry.start();
    const { bytes } = registry.manifest(REPOSITORY, "good") ?? { bytes: "" };
    registry.putManifest(REPOSITORY, "v1", bytes, OCI.manifest);
    const config = await putBlob(mirror, REPOSITORY, { mediaType: OCI.config, content: "{}" });
    putManifest(mirror, { repository: REPOSITORY, tag: "v1" }, { config, layers: [] });
    await using other = await openEngine({ registry: { mirrors: { [registry.host]: [mirror.url] } } });
    expect(await other.pull(name)).toMatchObject({ endpoint: registry.url, images: [{ kind: "image" }] });
  });

  it("takes a config that says nothing of its layers", async () => {
    await putWithConfig(configOf([]));
    expect(await engine.pull(name)).toMatchObject({ images: [{ kind: "image" }] });
  });
});

describe("pull() of an artifact", () => {
  it.each([
    ["a config of its own type", "application/vnd.docker.plugin.v1+json", "{}"],
    ["the empty config", OCI.empty, "{}"],
  ])("with %s says that it is one", async (_, type, content) => {
    await putWithConfig(content, type);
    expect(await engine.pull(name)).toMatchObject({ images: [{ name, kind: "artifact", warnings: [] }] });
  });

  it("with layers that are none says that it is one", async () => {
    const signature = await putBlob(registry, REPOSITORY, {
      mediaType: "application/x.signature",
      content: "s",
    });
    await putBlob(registry, REPOSITORY, { mediaType: OCI.config, content: "{}" });
    const config = { ...EMPTY, mediaType: OCI.config };
    putManifest(registry, { repository: REPOSITORY, tag: "v1" }, { config, layers: [signature] });
    expect(await engine.pull(name)).toMatchObject({ images: [{ kind: "artifact" }] });
  });
});

describe("pull() of an image of another platform", () => {
  beforeEach(async () => {
    await buildImage(registry, REPOSITORY, { tag: "v1", layers: [], platform: ARM });
  });

  it("warns in docker's words, in a line and in the result", async () => {
    const log = statusLog();
    const result = await engine.pull(name, { platform: "linux/amd64", onProgress: log.sink });
    const warning =
      "WARNING: The requested image's platform (linux/arm64) does not match the specified platform (linux/amd64)";
    expect(result.images).toMatchObject([{ kind: "image", warnings: [warning] }]);
    expect(log.lines()).toContain(warning);
  });

  it.each(["linux/arm64", "linux/arm64/v8"])("says nothing to who wants %s", async (platform) => {
    expect(await engine.pull(name, { platform })).toMatchObject({ images: [{ warnings: [] }] });
  });

  it("says nothing to who wants all", async () => {
    expect(await engine.pull(name, { allPlatforms: true })).toMatchObject({ images: [{ warnings: [] }] });
  });
});

describe("pull() of an index with an odd entry", () => {
  const odd = {
    "another digest algorithm": {
      mediaType: OCI.manifest,
      digest: `blake3:${HEX}`,
      size: 10,
      platform: { os: "linux", architecture: "riscv64" },
    },
    "an odd version": {
      mediaType: OCI.manifest,
      digest: `sha256:${HEX}`,
      size: 10,
      platform: { os: "windows", architecture: "amd64", "os.version": "é" },
    },
    "a platform that is none": {
      mediaType: OCI.manifest,
      digest: `sha256:${HEX}`,
      size: 10,
      platform: "linux",
    },
  };

  it.each(Object.entries(odd))("takes the others beside %s", async (_, entry) => {
    const platform = { os: "linux", architecture: "amd64" };
    putIndex(registry, { repository: REPOSITORY, tag: "v1" }, [entry, { ...image.descriptor, platform }]);
    const result = await engine.pull(name, { platform: "linux/amd64" });
    expect(result.images).toMatchObject([{ name, kind: "image" }]);
  });

  it("does not leave one out in silence when all are wanted", async () => {
    putIndex(registry, { repository: REPOSITORY, tag: "v1" }, [
      odd["another digest algorithm"],
      image.descriptor,
    ]);
    const failure = await failureOf(engine.pull(name, { allPlatforms: true }));
    expect(failure).toBeInstanceOf(ErrNotImplemented);
    expect(failure.message).toContain(`the digest algorithm of blake3:${HEX} is not supported`);
  });
});

describe("pull() of a blob that is there already", () => {
  it("does not take another size for it", async () => {
    await engine.pull(`${registry.host}/${REPOSITORY}:good`);
    const layers = [{ ...layerOf(image), size: layerOf(image).size + 1 }];
    putManifest(registry, { repository: REPOSITORY, tag: "v1" }, { config: image.config, layers });
    const failure = (await failureOf(engine.pull(name))) as DrayageError;
    expect(failure).toBeInstanceOf(ErrDataLoss);
    expect(failure).toMatchObject({ digest: layerOf(image).digest, endpoint: registry.url });
    expect(await namesOn(engine.root)).toEqual([`${registry.host}/${REPOSITORY}:good`]);
  });
});

describe("choosePlatform()", () => {
  it.each([
    ["darwin/arm64", "linux/arm64"],
    ["windows(10.0.22621)/amd64", "linux/amd64"],
    ["linux/arm/v7", "linux/arm/v7"],
  ])("wants on %s the images for %s", (host, wanted) => {
    const choice = choosePlatform({}, parsePlatform(host));
    expect(choice.wanted).toBe(wanted);
    expect(choice.matcher.match(parsePlatform(wanted))).toBe(true);
  });
});
