import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Digest, digestOf } from "../../../src/digest/digest.ts";
import { OCI_INDEX } from "../../../src/oci/media-types.ts";
import { referrersTag } from "../../../src/registry/pull/referrers.ts";
import type { TestRegistry } from "../../../src/testing/test-registry.ts";
import { PushLab, REPOSITORY } from "../support/push-lab.ts";
import { httpServer } from "../support/raw-server.ts";

const SUBJECT = digestOf("subject");
const SIGNATURE = "application/vnd.example.signature.v1+json";
const SBOM = "application/vnd.example.sbom.v1+json";

/** Puts an artifact about `SUBJECT` into a registry. */
function refer(registry: TestRegistry, artifactType: string, name = ""): Digest {
  const text = JSON.stringify({
    schemaVersion: 2,
    mediaType: OCI_INDEX,
    artifactType,
    manifests: [],
    subject: { mediaType: OCI_INDEX, digest: SUBJECT, size: 7 },
    annotations: { name },
  });
  return registry.putManifest(REPOSITORY, undefined, text, OCI_INDEX).digest;
}

const digests = (list: ReadonlyArray<{ digest: Digest }>): Digest[] => list.map(({ digest }) => digest);

describe("PushClient.referrers()", () => {
  let lab: PushLab;
  beforeEach(() => {
    lab = new PushLab();
  });
  afterEach(() => lab[Symbol.asyncDispose]());

  it("lists what the registry knows, page by page", async () => {
    const registry = await lab.registry({ pageSize: 2 });
    const expected = ["a", "b", "c", "d", "e"].map((name) => refer(registry, SBOM, name));
    const found = await lab.client(registry.url).referrers(SUBJECT);
    expect(digests(found)).toEqual(expected.toSorted());
    expect(found[0]).toMatchObject({ mediaType: OCI_INDEX, artifactType: SBOM });
    expect(registry.requests).toHaveLength(3);
  });

  it("is empty for a subject that nobody refers to", async () => {
    const registry = await lab.registry();
    expect(await lab.client(registry.url).referrers(SUBJECT)).toEqual([]);
  });

  it("filters by artifact type, also when the registry does not", async () => {
    const registry = await lab.registry();
    refer(registry, SBOM);
    const signature = refer(registry, SIGNATURE);
    const client = lab.client(registry.url);
    expect(digests(await client.referrers(SUBJECT, { artifactType: SIGNATURE }))).toEqual([signature]);
    expect(registry.requests[0]?.query.get("artifactType")).toBe(SIGNATURE);

    const careless = await lab.use(
      httpServer((_, response) => {
        const listed = [SBOM, SIGNATURE].map((artifactType) => ({
          mediaType: OCI_INDEX,
          digest: digestOf(artifactType),
          size: 1,
          artifactType,
        }));
        response.setHeader("content-type", `${OCI_INDEX}; charset=utf-8`);
        response.end(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: listed }));
      }),
    );
    const found = await lab.client(careless.origin).referrers(SUBJECT, { artifactType: SIGNATURE });
    expect(digests(found)).toEqual([digestOf(SIGNATURE)]);
  });

  describe("at a registry without the API", () => {
    it("reads the fallback tag", async () => {
      const registry = await lab.registry({ referrers: false, checkReferences: false });
      const listed = { mediaType: OCI_INDEX, digest: digestOf("x"), size: 1, artifactType: SBOM };
      const index = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [listed] };
      registry.putManifest(REPOSITORY, referrersTag(SUBJECT), JSON.stringify(index), OCI_INDEX);
      const client = lab.client(registry.url);
      expect(await client.referrers(SUBJECT)).toEqual([listed]);
      expect(await client.referrers(SUBJECT, { artifactType: SIGNATURE })).toEqual([]);
    });

    it("is empty without a tag", async () => {
      const registry = await lab.registry({ referrers: false });
      expect(await lab.client(registry.url).referrers(SUBJECT)).toEqual([]);
      expect(registry.requests.map(({ kind, status }) => `${kind} ${status}`)).toEqual([
        "referrers 404",
        "manifest 404",
      ]);
    });

    it.each([400, 404, 405, 406, 410, 501])("takes a %d for a no", async (status) => {
      const registry = await lab.registry();
      registry.fault({ kind: "referrers" }, { status });
      expect(await lab.client(registry.url).referrers(SUBJECT)).toEqual([]);
      expect(registry.requests.map(({ kind }) => kind)).toEqual(["referrers", "manifest"]);
    });

    it("is not misled by a web page", async () => {
      const registry = await lab.registry();
      const body = "<html>welcome</html>";
      registry.fault({ kind: "referrers" }, { status: 200, headers: { "content-type": "text/html" }, body });
      expect(await lab.client(registry.url).referrers(SUBJECT)).toEqual([]);
    });
  });

  it.each([
    ["403", { status: 403 }, { name: "ErrPermissionDenied" }],
    ["500", { status: 500 }, { name: "ErrInternal", retryable: true }],
    [
      "no index",
      { status: 200, headers: { "content-type": OCI_INDEX }, body: "[]" },
      { name: "ErrInvalidArgument" },
    ],
  ])("throws what went wrong (%s)", async (_, action, expected) => {
    const registry = await lab.registry();
    registry.fault({ kind: "referrers" }, action);
    await expect(lab.client(registry.url).referrers(SUBJECT)).rejects.toMatchObject(expected);
  });

  it("does not follow a listing to another origin", async () => {
    const registry = await lab.registry({ pageSize: 1 });
    refer(registry, SBOM, "a");
    refer(registry, SBOM, "b");
    registry.fault({ kind: "referrers" }, { setHeaders: { link: '<http://localhost:1/x>; rel="next"' } });
    await expect(lab.client(registry.url).referrers(SUBJECT)).rejects.toMatchObject({ name: "ErrUnknown" });
  });
});

describe("referrersTag()", () => {
  it.each([
    [digestOf("a"), `sha256-${digestOf("a").slice(7)}`],
    [digestOf("a", "sha512"), `sha512-${digestOf("a", "sha512").slice(7, 71)}`],
    [
      `${"a+b".repeat(20)}:${"c=d".repeat(30)}` as Digest,
      `${"a-b".repeat(11).slice(0, 32)}-${"c-d".repeat(22).slice(0, 64)}`,
    ],
  ])("of %s is %s", (digest, tag) => {
    expect(referrersTag(digest)).toBe(tag);
    expect(tag).toMatch(/^\w[\w.-]{0,127}$/);
  });
});
