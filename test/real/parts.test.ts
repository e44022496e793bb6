import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { digestOf } from "../../src/digest/digest.ts";
import { startCountingProxy } from "./support/counting-proxy.ts";
import { describeReal } from "./support/describe-real.ts";
import { ACCOUNT, type DockerRegistry, startDockerRegistry } from "./support/docker-registry.ts";
import { THREE_PLATFORMS, tagInLayout, writeArtifact, writeImage, writeIndex } from "./support/images.ts";
import { runPart } from "./support/run-part.ts";
import { skopeo, skopeoCopy } from "./support/skopeo.ts";

const ACCEPT = [
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");

/** The body of a plain GET; a failure tells the status. */
async function get(url: string, headers: Record<string, string> = {}): Promise<Buffer> {
  const response = await fetch(url, { headers: { accept: ACCEPT, ...headers } });
  if (!response.ok) throw new Error(`Cannot get ${url}: got ${response.status}`);
  return Buffer.from(await response.arrayBuffer());
}

describeReal("docker-registry with skopeo", ["docker-registry", "skopeo"], () => {
  let folder: string;
  let registry: DockerRegistry;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "drayage-real-"));
    registry = await startDockerRegistry();
  });

  afterAll(async () => {
    await registry.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it("serves a pushed image byte for byte and logs every request", async () => {
    const layout = join(folder, "image");
    const image = await writeImage(layout, {
      layers: [
        { bytes: 300_000 },
        { bytes: 70_000, compression: "zstd" },
        { bytes: 5_000, compression: "none" },
      ],
    });
    await tagInLayout(layout, "v1", image.manifest);
    const pushed = await skopeoCopy(`oci:${layout}:v1`, `docker://${registry.host}/test/image:v1`);
    expect(pushed).toBe(image.manifest.digest);

    const base = `/v2/test/image`;
    expect(digestOf(await get(`${registry.url}${base}/manifests/v1`))).toBe(image.manifest.digest);
    for (const blob of [image.config, ...image.layers]) {
      const bytes = await get(`${registry.url}${base}/blobs/${blob.digest}`);
      expect([digestOf(bytes), bytes.length]).toEqual([blob.digest, blob.size]);
    }

    const log = (await registry.accessLog()).filter(
      ({ method, path }) => method === "GET" && path.startsWith(base),
    );
    const blobs = [image.config, ...image.layers];
    const served = [
      [`${base}/manifests/v1`, 200, image.manifest.size],
      ...blobs.map(({ digest, size }) => [`${base}/blobs/${digest}`, 200, size]),
    ];
    expect(log).toHaveLength(served.length);
    expect(log.map(({ path, status, bytes }) => [path, status, bytes])).toEqual(
      expect.arrayContaining(served),
    );
  });

  it("keeps an index of three platforms as it is", async () => {
    const layout = join(folder, "index");
    const images = [];
    for (const platform of THREE_PLATFORMS) {
      const layers = [{ bytes: 10_000 }, { bytes: 20_000, seed: platform.architecture }];
      images.push(await writeImage(layout, { platform, layers }));
    }
    const index = await writeIndex(layout, images);
    await tagInLayout(layout, "v1", index);
    await skopeoCopy(`oci:${layout}:v1`, `docker://${registry.host}/test/index:v1`);

    expect(digestOf(await get(`${registry.url}/v2/test/index/manifests/v1`))).toBe(index.digest);
    const lowest = new Set(images.map(({ layers }) => layers[0]?.digest));
    const highest = new Set(images.map(({ layers }) => layers[1]?.digest));
    expect([lowest.size, highest.size]).toEqual([1, 3]);
  });

  it("takes docker's schema 2", async () => {
    const layout = join(folder, "schema2");
    const image = await writeImage(layout, { layers: [{ bytes: 10_000 }] });
    await tagInLayout(layout, "v1", image.manifest);
    const to = `docker://${registry.host}/test/schema2:v1`;
    const digest = await skopeoCopy(`oci:${layout}:v1`, to, { format: "v2s2" });

    const manifest = JSON.parse(
      (await get(`${registry.url}/v2/test/schema2/manifests/${digest}`)).toString(),
    );
    expect(manifest).toMatchObject({
      mediaType: "application/vnd.docker.distribution.manifest.v2+json",
      layers: [{ digest: image.layers[0]?.digest }],
    });
  });

  it("takes an artifact with the empty config", async () => {
    const layout = join(folder, "artifact");
    const artifact = await writeArtifact(layout, "application/vnd.example.notes", ["one", "two"]);
    await tagInLayout(layout, "v1", artifact.manifest);
    await skopeoCopy(`oci:${layout}:v1`, `docker://${registry.host}/test/artifact:v1`);

    const manifest = JSON.parse((await get(`${registry.url}/v2/test/artifact/manifests/v1`)).toString());
    expect(manifest).toMatchObject({ artifactType: "application/vnd.example.notes", layers: artifact.blobs });
    expect(
      (await get(`${registry.url}/v2/test/artifact/blobs/${artifact.blobs[1]?.digest}`)).toString(),
    ).toBe("two");
  });

  it("is counted, ranged and cut by the proxy", async () => {
    const layout = join(folder, "proxy");
    const image = await writeImage(layout, { layers: [{ bytes: 500_000, compression: "none" }] });
    await tagInLayout(layout, "v1", image.manifest);
    await using proxy = await startCountingProxy(registry.host);
    await skopeoCopy(`oci:${layout}:v1`, `docker://${proxy.host}/test/proxy:v1`);
    const pushed = proxy.records.length;
    expect(proxy.records.filter(({ method }) => method === "PUT").length).toBeGreaterThanOrEqual(3);

    const path = `/v2/test/proxy/blobs/${image.layers[0]?.digest}`;
    proxy.cut({ method: "GET", path: /blobs/, afterBytes: 100_000 });
    await expect(get(`${proxy.url}${path}`)).rejects.toThrow();
    const size = image.layers[0]?.size ?? 0;
    expect((await get(`${proxy.url}${path}`, { range: "bytes=100000-" })).length).toBe(size - 100_000);

    expect(proxy.records.slice(pushed)).toMatchObject([
      { method: "GET", path, range: undefined, status: 200, bytes: 100_000, cut: true },
      { method: "GET", path, range: "bytes=100000-", status: 206, bytes: size - 100_000, cut: false },
    ]);
  });

  it("asks for credentials when told to", async () => {
    const layout = join(folder, "auth");
    const image = await writeImage(layout, { layers: [{ bytes: 100 }] });
    await tagInLayout(layout, "v1", image.manifest);
    await using guarded = await startDockerRegistry({ auth: true });
    const to = `docker://${guarded.host}/test/auth:v1`;
    await expect(skopeoCopy(`oci:${layout}:v1`, to)).rejects.toThrow("authentication required");
    await skopeoCopy(`oci:${layout}:v1`, to, {
      destinationCredentials: `${ACCOUNT.username}:${ACCOUNT.password}`,
    });

    const authorization = `Basic ${btoa(`${ACCOUNT.username}:${ACCOUNT.password}`)}`;
    const url = `${guarded.url}/v2/test/auth/manifests/v1`;
    await expect(get(url)).rejects.toThrow("got 401");
    expect(digestOf(await get(url, { authorization }))).toBe(image.manifest.digest);
  });

  it("mirrors another registry", async () => {
    const layout = join(folder, "mirror");
    const image = await writeImage(layout, { layers: [{ bytes: 100 }] });
    await tagInLayout(layout, "v1", image.manifest);
    await skopeoCopy(`oci:${layout}:v1`, `docker://${registry.host}/test/mirror:v1`);
    await using mirror = await startDockerRegistry({ mirrorOf: registry.url });
    expect(digestOf(await get(`${mirror.url}/v2/test/mirror/manifests/v1`))).toBe(image.manifest.digest);
  });
});

describeReal("layouts", ["skopeo", "umoci"], () => {
  it("are read by skopeo and umoci", async () => {
    const layout = await mkdtemp(join(tmpdir(), "drayage-real-"));
    try {
      const image = await writeImage(layout, {
        layers: [{ bytes: 1_000 }, { bytes: 2_000, compression: "none" }],
      });
      await tagInLayout(layout, "v1", image.manifest);
      await tagInLayout(layout, "v2", image.manifest);
      const inspected = JSON.parse((await skopeo(["inspect", `oci:${layout}:v1`])).stdout) as {
        Layers: string[];
      };
      expect(inspected.Layers).toEqual(image.layers.map(({ digest }) => digest));
      expect((await runPart("umoci", ["list", "--layout", layout])).stdout.split("\n")).toEqual([
        "v1",
        "v2",
        "",
      ]);
    } finally {
      await rm(layout, { recursive: true, force: true });
    }
  });
});
