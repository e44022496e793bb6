import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { digestOf } from "../../../src/digest/digest.ts";
import { ErrInvalidArgument } from "../../../src/errors/classes.ts";
import { OCI_EMPTY, OCI_INDEX, OCI_MANIFEST } from "../../../src/oci/media-types.ts";
import { PushLab, REPOSITORY } from "../support/push-lab.ts";

/** A manifest with odd white space, which has to survive. */
function manifestOf(text: string, mediaType = OCI_INDEX) {
  const bytes = Buffer.from(text);
  return { mediaType, bytes, digest: digestOf(bytes) };
}

const INDEX = manifestOf(`{ "schemaVersion" : 2,\n\n"mediaType":"${OCI_INDEX}", "manifests":[] }`);

/** A manifest about `subject`. */
const about = (subject: ReturnType<typeof manifestOf>) =>
  manifestOf(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_INDEX,
      manifests: [],
      subject: { mediaType: subject.mediaType, digest: subject.digest, size: subject.bytes.length },
    }),
  );

describe("PushClient", () => {
  let lab: PushLab;
  beforeEach(() => {
    lab = new PushLab();
  });
  afterEach(() => lab[Symbol.asyncDispose]());

  describe("putManifest()", () => {
    it("puts a manifest byte for byte, under a tag and under its digest", async () => {
      const registry = await lab.registry();
      const client = lab.client(registry.url);
      await client.putManifest("v1", INDEX);
      await client.putManifest(INDEX.digest, INDEX);
      for (const reference of ["v1", INDEX.digest]) {
        const { bytes, ...held } = registry.manifest(REPOSITORY, reference) ?? { bytes: Buffer.of() };
        expect(Buffer.from(bytes).equals(INDEX.bytes)).toBe(true);
        expect(held).toMatchObject({ mediaType: INDEX.mediaType, digest: INDEX.digest });
      }
      expect(
        registry.requests.map(({ method, path, headers }) => [method, path, headers["content-type"]]),
      ).toEqual([
        ["PUT", `/v2/${REPOSITORY}/manifests/v1`, OCI_INDEX],
        ["PUT", `/v2/${REPOSITORY}/manifests/${INDEX.digest}`, OCI_INDEX],
      ]);
    });

    it.each([[true], [false]])("tells whether the registry keeps referrers (%s)", async (referrers) => {
      const client = lab.client((await lab.registry({ referrers })).url);
      expect(await client.putManifest("v1", INDEX)).toEqual({ keepsReferrers: false });
      const artifact = about(INDEX);
      expect(await client.putManifest(artifact.digest, artifact)).toEqual({ keepsReferrers: referrers });
    });

    it.each([
      [413, "SIZE_INVALID", "ErrInvalidArgument"],
      [400, "MANIFEST_INVALID", "ErrInvalidArgument"],
      [400, "TAG_INVALID", "ErrInvalidArgument"],
      [404, "MANIFEST_BLOB_UNKNOWN", "ErrFailedPrecondition"],
      [403, "DENIED", "ErrPermissionDenied"],
      [404, "NAME_UNKNOWN", "ErrNotFound"],
    ])("throws what the registry says (%d %s)", async (status, code, name) => {
      const registry = await lab.registry();
      registry.fault({ method: "PUT" }, { status, body: { errors: [{ code, message: "not like this" }] } });
      await expect(lab.client(registry.url).putManifest("v1", INDEX)).rejects.toMatchObject({
        name,
        message: `${code.toLowerCase().replaceAll("_", " ")}: not like this`,
        registryCode: code,
        httpStatus: status,
        endpoint: registry.url,
        retryable: false,
      });
    });

    it("throws a real refusal: a manifest of blobs that are not there", async () => {
      const registry = await lab.registry();
      const missing = { mediaType: OCI_EMPTY, digest: digestOf("{}"), size: 2 };
      const text = JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config: missing, layers: [] });
      const put = lab.client(registry.url).putManifest("v1", manifestOf(text, OCI_MANIFEST));
      await expect(put).rejects.toMatchObject({ name: "ErrFailedPrecondition", httpStatus: 404 });
      expect(registry.tags(REPOSITORY)).toEqual([]);
    });

    it("throws a retryable error after a 500", async () => {
      const registry = await lab.registry();
      registry.fault({ method: "PUT" }, { status: 500 });
      const put = lab.client(registry.url).putManifest("v1", INDEX);
      await expect(put).rejects.toMatchObject({ name: "ErrInternal", retryable: true });
    });

    it("throws when the registry has stored something else", async () => {
      const registry = await lab.registry();
      registry.fault({ method: "PUT" }, { setHeaders: { "docker-content-digest": digestOf("other") } });
      const put = lab.client(registry.url).putManifest("v1", INDEX);
      await expect(put).rejects.toMatchObject({ name: "ErrDataLoss", digest: INDEX.digest });
    });

    it.each([["../../other/manifests/x"], ["a b"], [""], ["sha256:12"]])(
      "asks nobody for %j",
      async (reference) => {
        const registry = await lab.registry();
        const client = lab.client(registry.url);
        await expect(client.putManifest(reference, INDEX)).rejects.toBeInstanceOf(ErrInvalidArgument);
        expect(registry.requests).toEqual([]);
      },
    );
  });

  describe("hasManifest()", () => {
    it("says whether the tag or digest is there with this digest", async () => {
      const registry = await lab.registry();
      const client = lab.client(registry.url);
      expect(await client.hasManifest("v1", INDEX.digest)).toBe(false);
      registry.putManifest(REPOSITORY, "v1", INDEX.bytes, INDEX.mediaType);
      expect(await client.hasManifest("v1", INDEX.digest)).toBe(true);
      expect(await client.hasManifest(INDEX.digest, INDEX.digest)).toBe(true);
      expect(await client.hasManifest("v1", digestOf("newer"))).toBe(false);
      expect(registry.requests.map(({ method }) => method)).toEqual(["HEAD", "HEAD", "HEAD", "HEAD"]);
    });

    it.each([[403], [405], [501]])("knows nothing after a %d", async (status) => {
      const registry = await lab.registry();
      registry.fault({ method: "HEAD" }, { status });
      expect(await lab.client(registry.url).hasManifest("v1", INDEX.digest)).toBe(false);
    });

    it("takes a registry that would not say to have nothing", async () => {
      const registry = await lab.registry();
      await lab.client(registry.url).putManifest("v1", INDEX);
      registry.fault({ method: "HEAD" }, { status: 503 });
      expect(await lab.client(registry.url).hasManifest("v1", INDEX.digest)).toBe(false);
    });

    it("throws when the registry wants to be asked later", async () => {
      const registry = await lab.registry();
      registry.fault({ method: "HEAD" }, { status: 503, headers: { "retry-after": "1" } });
      const asked = lab.client(registry.url).hasManifest("v1", INDEX.digest);
      await expect(asked).rejects.toMatchObject({ name: "ErrUnavailable", httpStatus: 503 });
    });
  });
});
