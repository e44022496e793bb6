import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { digestOf } from "../../../src/digest/digest.ts";
import { TestRegistry } from "../../../src/testing.ts";
import { call, errorCodes } from "../wire.ts";

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const subject = digestOf("subject");

function putReferrer(registry: TestRegistry, artifactType: string, n: number): string {
  const annotations = { n: String(n) };
  const body = JSON.stringify({ schemaVersion: 2, artifactType, subject: { digest: subject }, annotations });
  return registry.putManifest("a", undefined, body, MANIFEST).digest;
}

/** Follows `Link` headers; returns the bodies of all pages. */
async function pages<T>(registry: TestRegistry, path: string): Promise<T[]> {
  const bodies: T[] = [];
  for (let next: string | undefined = path; next !== undefined; ) {
    const response = await call(registry, next);
    bodies.push((await response.json()) as T);
    next = /^<([^>]+)>; rel="next"$/.exec(response.headers.get("link") ?? "")?.[1];
  }
  return bodies;
}

describe("handleTags()", () => {
  let registry: TestRegistry;
  beforeAll(async () => {
    registry = await TestRegistry.start({ pageSize: 3 });
    for (const tag of ["d", "b", "a", "C", "e", "latest", "f"])
      registry.putManifest("a/b", tag, "{}", MANIFEST);
  });
  afterAll(() => registry.close());

  it.each([
    ["", ["C", "a", "b"], "/v2/a/b/tags/list?n=3&last=b"],
    ["?n=2", ["C", "a"], "/v2/a/b/tags/list?n=2&last=a"],
    ["?n=2&last=a", ["b", "d"], "/v2/a/b/tags/list?n=2&last=d"],
    ["?last=e", ["f", "latest"], undefined],
    ["?n=100&last=d", ["e", "f", "latest"], undefined],
    ["?n=0", [], undefined],
    ["?last=z", [], undefined],
  ])("answers %s in order, with a link to more", async (query, tags, next) => {
    const response = await call(registry, `/v2/a/b/tags/list${query}`);
    expect(await response.json()).toEqual({ name: "a/b", tags });
    expect(response.headers.get("link")).toBe(next === undefined ? null : `<${next}>; rel="next"`);
  });

  it("lists every tag once when the links are followed", async () => {
    const bodies = await pages<{ tags: string[] }>(registry, "/v2/a/b/tags/list?n=2");
    expect(bodies.flatMap(({ tags }) => tags)).toEqual(registry.tags("a/b"));
  });

  it.each([
    ["GET", "/v2/none/tags/list", 404, "NAME_UNKNOWN"],
    ["GET", "/v2/a/b/tags/list?n=-1", 400, "UNSUPPORTED"],
    ["POST", "/v2/a/b/tags/list", 405, "UNSUPPORTED"],
  ])("answers %s %s with %i %s", async (method, path, status, code) => {
    const response = await call(registry, path, { method });
    expect(response.status).toBe(status);
    expect(await errorCodes(response)).toEqual([code]);
  });
});

describe("handleReferrers()", () => {
  let registry: TestRegistry;
  let sboms: string[];
  let signature: string;
  beforeAll(async () => {
    registry = await TestRegistry.start({ pageSize: 2 });
    sboms = [1, 2, 3].map((n) => putReferrer(registry, "test/sbom", n)).sort();
    signature = putReferrer(registry, "test/signature", 4);
  });
  afterAll(() => registry.close());

  type Index = { manifests: { digest: string; artifactType: string; annotations: { n: string } }[] };

  it("lists all manifests with the subject, page by page", async () => {
    const indexes = await pages<Index>(registry, `/v2/a/referrers/${subject}`);
    expect(indexes.map(({ manifests }) => manifests.length)).toEqual([2, 2]);
    const digests = indexes.flatMap(({ manifests }) => manifests.map(({ digest }) => digest));
    expect(digests).toEqual([...sboms, signature].sort());
  });

  it("filters by artifact type and says so, on every page", async () => {
    const path = `/v2/a/referrers/${subject}?artifactType=test%2Fsbom`;
    const response = await call(registry, path);
    expect(response.headers.get("oci-filters-applied")).toBe("artifactType");
    expect(response.headers.get("content-type")).toBe("application/vnd.oci.image.index.v1+json");
    await response.arrayBuffer();
    const indexes = await pages<Index>(registry, path);
    const found = indexes.flatMap(({ manifests }) => manifests);
    expect(found.map(({ digest }) => digest)).toEqual(sboms);
    expect(found.map(({ annotations }) => annotations.n).sort()).toEqual(["1", "2", "3"]);
  });

  it("answers with an empty index where there is nothing", async () => {
    const response = await call(registry, `/v2/nowhere/referrers/${subject}`);
    expect(await response.json()).toMatchObject({ schemaVersion: 2, manifests: [] });
    expect(response.headers.get("oci-filters-applied")).toBeNull();
  });

  it("refuses what is not a digest, and other methods", async () => {
    expect(await errorCodes(await call(registry, "/v2/a/referrers/v1"))).toEqual(["DIGEST_INVALID"]);
    const response = await call(registry, `/v2/a/referrers/${subject}`, { method: "PUT" });
    expect(response.status).toBe(405);
    await response.arrayBuffer();
  });

  it("answers 404 when the referrers API is off", async () => {
    await using plain = await TestRegistry.start({ referrers: false });
    const response = await call(plain, `/v2/a/referrers/${subject}`);
    expect(response.status).toBe(404);
    await response.arrayBuffer();
  });
});
