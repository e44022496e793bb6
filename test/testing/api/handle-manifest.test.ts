import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { digestOf } from "../../../src/digest/digest.ts";
import { buildImage, TestRegistry, type TestRegistryOptions } from "../../../src/testing.ts";
import { call, errorCodes } from "../wire.ts";

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const INDEX = "application/vnd.oci.image.index.v1+json";
const config = Buffer.from("{}");

function manifest(fields: object = {}): string {
  const descriptor = { mediaType: "application/config", digest: digestOf(config), size: config.byteLength };
  return JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST, config: descriptor, layers: [], ...fields });
}

async function startWith(options: TestRegistryOptions = {}): Promise<TestRegistry> {
  const registry = await TestRegistry.start(options);
  await registry.putBlob("a", config);
  return registry;
}

function put(
  registry: TestRegistry,
  reference: string,
  body: string,
  contentType = MANIFEST,
): Promise<Response> {
  return call(registry, `/v2/a/manifests/${reference}`, {
    method: "PUT",
    body,
    headers: { "content-type": contentType },
  });
}

describe("handleManifest()", () => {
  let registry: TestRegistry;
  beforeAll(async () => {
    registry = await startWith();
  });
  afterAll(() => registry.close());

  it("serves what was pushed, byte for byte, by tag and by digest", async () => {
    const body = `${manifest()}\n `;
    const response = await put(registry, "v1", body);
    const digest = digestOf(body);
    expect(response.status).toBe(201);
    expect(response.headers.get("location")).toBe(`/v2/a/manifests/${digest}`);
    expect(response.headers.get("docker-content-digest")).toBe(digest);
    for (const reference of ["v1", digest]) {
      const got = await call(registry, `/v2/a/manifests/${reference}`);
      expect(got.headers.get("content-type")).toBe(MANIFEST);
      expect(got.headers.get("docker-content-digest")).toBe(digest);
      expect(await got.text()).toBe(body);
      const head = await call(registry, `/v2/a/manifests/${reference}`, { method: "HEAD" });
      expect(head.headers.get("content-length")).toBe(String(body.length));
    }
  });

  it("moves a tag, and keeps the manifest that had it", async () => {
    await put(registry, "moving", manifest({ annotations: { n: "1" } }));
    await put(registry, "moving", manifest({ annotations: { n: "2" } }));
    expect(registry.manifest("a", "moving")?.digest).toBe(digestOf(manifest({ annotations: { n: "2" } })));
    expect(registry.manifests("a")).toContain(digestOf(manifest({ annotations: { n: "1" } })));
  });

  it.each(["sha256", "sha512"] as const)("takes a push by %s digest, with tags", async (algorithm) => {
    const body = manifest({ annotations: { algorithm } });
    const digest = digestOf(body, algorithm);
    const response = await put(registry, `${digest}?tag=x-${algorithm}&tag=y-${algorithm}`, body);
    expect(response.status).toBe(201);
    expect(response.headers.get("oci-tag")).toBe(`x-${algorithm}, y-${algorithm}`);
    expect(registry.manifest("a", `y-${algorithm}`)?.digest).toBe(digest);
  });

  const missing = `sha256:${"0".repeat(64)}`;
  it.each([
    ["other bytes than the digest", missing, manifest(), MANIFEST, 400, "DIGEST_INVALID"],
    ["a bad digest", "sha256:0", manifest(), MANIFEST, 400, "DIGEST_INVALID"],
    ["a bad tag", "-v1", manifest(), MANIFEST, 400, "MANIFEST_INVALID"],
    [
      "a bad tag in the query",
      `${digestOf(manifest())}?tag=-`,
      manifest(),
      MANIFEST,
      400,
      "MANIFEST_INVALID",
    ],
    ["text", "v1", "text", MANIFEST, 400, "MANIFEST_INVALID"],
    ["schema version 1", "v1", manifest({ schemaVersion: 1 }), MANIFEST, 400, "MANIFEST_INVALID"],
    ["another media type than its own", "v1", manifest(), INDEX, 400, "MANIFEST_INVALID"],
    [
      "an absent layer",
      "v1",
      manifest({ layers: [{ digest: missing }] }),
      MANIFEST,
      404,
      "MANIFEST_BLOB_UNKNOWN",
    ],
    [
      "an absent config",
      "v1",
      manifest({ config: { digest: missing } }),
      MANIFEST,
      404,
      "MANIFEST_BLOB_UNKNOWN",
    ],
    [
      "an absent child",
      "v1",
      JSON.stringify({ schemaVersion: 2, manifests: [{ digest: missing }] }),
      INDEX,
      404,
      "MANIFEST_BLOB_UNKNOWN",
    ],
  ])("refuses a push with %s", async (_, reference, body, contentType, status, code) => {
    const before = registry.manifests("a").length;
    const response = await put(registry, reference, body, contentType);
    expect(response.status).toBe(status);
    expect(await errorCodes(response)).toEqual([code]);
    expect(registry.manifests("a")).toHaveLength(before);
  });

  it("does not ask for layers that live elsewhere, nor for the subject", async () => {
    const body = manifest({
      layers: [{ digest: missing, urls: ["https://elsewhere"] }],
      subject: { digest: missing },
    });
    const response = await put(registry, "foreign", body, `${MANIFEST}; charset=utf-8`);
    expect(response.status).toBe(201);
    expect(response.headers.get("oci-subject")).toBe(missing);
  });

  it.each([
    ["takes its own media type", {}, 201],
    ["refuses a manifest that has none", { mediaType: undefined }, 400],
  ])("%s when there is no content-type", async (_, fields, status) => {
    const body = Buffer.from(manifest(fields));
    const response = await call(registry, "/v2/a/manifests/untyped", { method: "PUT", body });
    expect(response.status).toBe(status);
    if (status === 201) expect(registry.manifest("a", "untyped")?.mediaType).toBe(MANIFEST);
  });

  it("takes anything well-formed when references are not checked", async () => {
    await using lenient = await startWith({ checkReferences: false, referrers: false });
    const body = manifest({ layers: [{ digest: missing }], subject: { digest: missing } });
    const response = await put(lenient, "v1", body);
    expect(response.status).toBe(201);
    expect(response.headers.get("oci-subject")).toBeNull();
  });

  it("refuses a manifest over the limit without reading it all, and goes on serving the connection", async () => {
    await using small = await startWith({ maxManifestBytes: 1000 });
    const response = await put(small, "v1", manifest({ annotations: { filler: "x".repeat(5_000_000) } }));
    expect(response.status).toBe(413);
    expect(await errorCodes(response)).toEqual(["SIZE_INVALID"]);
    expect(small.requests[0]?.bytesReceived).toBeLessThan(1_000_000);
    expect((await put(small, "v1", manifest())).status).toBe(201);
  });

  it.each([
    ["GET", "/v2/nothing/manifests/v1", 404, "NAME_UNKNOWN"],
    ["GET", "/v2/a/manifests/none", 404, "MANIFEST_UNKNOWN"],
    ["GET", `/v2/a/manifests/${missing}`, 404, "MANIFEST_UNKNOWN"],
    ["DELETE", "/v2/a/manifests/none", 404, "MANIFEST_UNKNOWN"],
    ["GET", "/v2/a/manifests/sha256:zz", 400, "DIGEST_INVALID"],
    ["GET", "/v2/a..b/manifests/v1", 400, "NAME_INVALID"],
  ])("answers %s %s with %i %s", async (method, path, status, code) => {
    const response = await call(registry, path, { method });
    expect(response.status).toBe(status);
    expect(await errorCodes(response)).toEqual([code]);
  });

  it("answers a method that manifests do not have with 405", async () => {
    await put(registry, "v1", manifest());
    const response = await call(registry, "/v2/a/manifests/v1", { method: "POST" });
    expect(await errorCodes(response)).toEqual(["UNSUPPORTED"]);
  });

  it("deletes a tag only, or a manifest with its tags", async () => {
    await using own = await TestRegistry.start();
    const { descriptor } = await buildImage(own, "a", { tag: "one", layers: [] });
    own.putManifest("a", "two", own.manifest("a", "one")?.bytes ?? "", MANIFEST);
    expect((await call(own, "/v2/a/manifests/one", { method: "DELETE" })).status).toBe(202);
    expect(own.tags("a")).toEqual(["two"]);
    expect((await call(own, `/v2/a/manifests/${descriptor.digest}`, { method: "DELETE" })).status).toBe(202);
    expect([own.tags("a"), own.manifests("a")]).toEqual([[], []]);
  });
});
