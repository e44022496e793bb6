import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { digestOf } from "../../../src/digest/digest.ts";
import { buildImage, buildIndex, TestRegistry } from "../../../src/testing.ts";
import { call, collect } from "../wire.ts";

const readJson = (bytes: Uint8Array): Record<string, unknown> => JSON.parse(Buffer.from(bytes).toString());

describe("buildImage()", () => {
  it("makes layers whose tar archives have the diffIDs of the config", async () => {
    await using registry = await TestRegistry.start();
    const image = await buildImage(registry, "a", { tag: "v1", layers: [Buffer.from("hello"), 100_000] });
    const config = readJson(await collect(registry.readBlob("a", image.config.digest)));
    const diffIds = [];
    for (const { descriptor, diffId } of image.layers) {
      const layer = await collect(registry.readBlob("a", descriptor.digest));
      expect(layer.byteLength).toBe(descriptor.size);
      expect(digestOf(gunzipSync(layer))).toBe(diffId);
      diffIds.push(diffId);
    }
    expect(config).toMatchObject({ os: "linux", architecture: "amd64", rootfs: { diff_ids: diffIds } });
  });

  it.each([
    ["oci", "application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.layer.v1.tar+gzip"],
    [
      "docker",
      "application/vnd.docker.distribution.manifest.v2+json",
      "application/vnd.docker.image.rootfs.diff.tar.gzip",
    ],
  ] as const)("makes a manifest of the %s media types", async (mediaTypes, manifestType, layerType) => {
    await using registry = await TestRegistry.start();
    const image = await buildImage(registry, "a", { tag: "v1", layers: [10], mediaTypes });
    const response = await call(registry, "/v2/a/manifests/v1");
    expect(response.headers.get("content-type")).toBe(manifestType);
    expect(response.headers.get("docker-content-digest")).toBe(image.descriptor.digest);
    expect(await response.json()).toMatchObject({
      mediaType: manifestType,
      config: image.config,
      layers: [{ mediaType: layerType, digest: image.layers[0]?.descriptor.digest }],
    });
  });

  it("makes the same image twice, and another one for another size or position", async () => {
    await using registry = await TestRegistry.start();
    const one = await buildImage(registry, "a", { layers: [5000, 5000] });
    const two = await buildImage(registry, "b", { layers: [5000, 5000] });
    expect(two).toEqual(one);
    expect(one.layers[0]).not.toEqual(one.layers[1]);
    expect(registry.tags("a")).toEqual([]);
  });

  it("puts platform and config fields into the config", async () => {
    await using registry = await TestRegistry.start();
    const platform = {
      os: "windows",
      architecture: "arm64",
      variant: "v8",
      osVersion: "10.0.1",
      osFeatures: ["f"],
    };
    const image = await buildImage(registry, "a", { layers: [], platform, config: { author: "me" } });
    expect(readJson(await collect(registry.readBlob("a", image.config.digest)))).toMatchObject({
      os: "windows",
      variant: "v8",
      "os.version": "10.0.1",
      "os.features": ["f"],
      author: "me",
    });
  });
});

describe("buildIndex()", () => {
  it("lists images with their platforms", async () => {
    await using registry = await TestRegistry.start();
    const amd64 = await buildImage(registry, "a", { layers: [1] });
    const arm64 = await buildImage(registry, "a", {
      layers: [2],
      platform: { os: "linux", architecture: "arm64", osVersion: "6" },
    });
    const index = buildIndex(registry, "a", { tag: "v1", images: [amd64, arm64] });
    const held = registry.manifest("a", "v1");
    expect(held).toMatchObject({
      digest: index.digest,
      mediaType: "application/vnd.oci.image.index.v1+json",
    });
    expect(readJson(held?.bytes ?? Buffer.alloc(0))).toMatchObject({
      manifests: [
        { digest: amd64.descriptor.digest, platform: { os: "linux", architecture: "amd64" } },
        { digest: arm64.descriptor.digest, platform: { architecture: "arm64", "os.version": "6" } },
      ],
    });
  });

  it("makes a docker manifest list on demand", async () => {
    await using registry = await TestRegistry.start();
    const index = buildIndex(registry, "a", { images: [], mediaTypes: "docker" });
    expect(index.mediaType).toBe("application/vnd.docker.distribution.manifest.list.v2+json");
    expect(registry.manifests("a")).toEqual([index.digest]);
  });
});
