import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { digestOf } from "../../src/digest/digest.ts";
import { isRetryable } from "../../src/errors/predicates.ts";
import { CHUNK_BYTES } from "../../src/registry/push/body-limit.ts";
import type { PushClient, UploadSession } from "../../src/registry/push/push-client.ts";
import { breakingProxy } from "../registry/support/breaking-proxy.ts";
import { PushLab, REPOSITORY } from "../registry/support/push-lab.ts";
import { TestBlob } from "../registry/support/test-blob.ts";
import { describeReal } from "./support/describe-real.ts";
import { ACCOUNT, type DockerRegistry, startDockerRegistry } from "./support/docker-registry.ts";

const MiB = 1024 * 1024;

/** Attempts until one succeeds, each with the session of the one before. Gives the number of failures. */
async function insist(client: PushClient, blob: TestBlob): Promise<number> {
  let session: UploadSession | undefined;
  for (let failures = 0; ; failures++) {
    try {
      await client.uploadBlob(blob, {
        session,
        onSession: (newest) => {
          session = newest;
        },
      });
      return failures;
    } catch (error) {
      if (!isRetryable(error)) throw error;
    }
  }
}

describeReal("PushClient against CNCF distribution", ["docker-registry"], () => {
  let registry: DockerRegistry;
  let lab: PushLab;
  beforeAll(async () => {
    registry = await startDockerRegistry();
  });
  afterAll(() => registry.stop());
  beforeEach(() => {
    lab = new PushLab();
  });
  afterEach(() => lab[Symbol.asyncDispose]());

  it.each([[0], [1], [5 * MiB], [CHUNK_BYTES + MiB]])("uploads a blob of %d bytes", async (size) => {
    const client = lab.client(registry.url);
    const blob = new TestBlob(size, { seed: `size ${size}` });
    expect(await client.hasBlob(blob.digest)).toBe(false);
    await client.uploadBlob(blob);
    expect(await client.hasBlob(blob.digest)).toBe(true);
  });

  it("goes on in the same session when the connection broke between two requests", async () => {
    const client = lab.client(registry.url);
    const blob = new TestBlob(CHUNK_BYTES + MiB, { seed: "between" });
    const controller = new AbortController();
    let session: UploadSession | undefined;
    const canceled = client.uploadBlob(blob, {
      signal: controller.signal,
      onSession: (newest) => {
        session = newest;
      },
      onBytes: (bytes) => bytes === CHUNK_BYTES && session?.isNew === undefined && controller.abort(),
    });
    await expect(canceled).rejects.toMatchObject({ name: "ErrCanceled" });
    if (!session) throw new Error("no session was told");
    expect(await client.uploadOffset(session)).toMatchObject({ offset: CHUNK_BYTES });
    await client.uploadBlob(blob, { session });
    expect(await client.hasBlob(blob.digest)).toBe(true);
    expect(blob.offsets).toEqual([0, CHUNK_BYTES]);
  });

  it("brings the blob after resets in the middle of requests", async () => {
    // Up to 2.8 this registry refuses a session whose last request broke: every reset costs what came before.
    const blob = new TestBlob(8 * MiB, { seed: "resets" });
    const proxy = await lab.use(breakingProxy(registry.url, [MiB, 5 * MiB]));
    const client = lab.client(proxy.origin);
    expect(await insist(client, blob)).toBe(2);
    expect(proxy.breaksLeft()).toBe(0);
    expect(await client.hasBlob(blob.digest)).toBe(true);
  });

  it("mounts from another repository", async () => {
    const blob = new TestBlob(1_000, { seed: "mount" });
    const client = lab.client(registry.url);
    expect(await client.mountBlob(blob.digest, "team/other")).toMatchObject({ kind: "upload" });
    await client.uploadBlob(blob);
    expect(await client.mountBlob(blob.digest, REPOSITORY)).toEqual({ kind: "mounted" });
  });

  it("throws DIGEST_INVALID in the registry's words", async () => {
    const blob = new TestBlob(1_000, { seed: "one" });
    const { digest } = new TestBlob(1_000, { seed: "two" });
    const uploaded = lab
      .client(registry.url)
      .uploadBlob({ digest, size: blob.size, read: () => blob.read(0) });
    await expect(uploaded).rejects.toMatchObject({
      name: "ErrInvalidArgument",
      message: "digest invalid: provided digest did not match uploaded content",
      retryable: false,
    });
  });

  it("puts manifests, finds them, and tells that referrers are not kept", async () => {
    const client = lab.client(registry.url);
    const config = new TestBlob(2, { seed: "config" });
    await client.uploadBlob(config);
    const mediaType = "application/vnd.oci.image.manifest.v1+json";
    const text = JSON.stringify({
      schemaVersion: 2,
      mediaType,
      config: { mediaType: "application/vnd.oci.empty.v1+json", digest: config.digest, size: config.size },
      layers: [],
    });
    const bytes = Buffer.from(text);
    const digest = digestOf(bytes);
    expect(await client.hasManifest("v1", digest)).toBe(false);
    expect(await client.putManifest("v1", { mediaType, bytes, digest })).toEqual({ keepsReferrers: false });
    expect(await client.hasManifest("v1", digest)).toBe(true);
    expect(await client.hasManifest(digest, digest)).toBe(true);
    expect(await client.referrers(digest)).toEqual([]);
  });

  describe("behind a password", () => {
    it("uploads", async () => {
      const closed = await lab.use(startDockerRegistry({ auth: true }));
      const client = lab.client(closed.url, { credentials: async () => ACCOUNT });
      const blob = new TestBlob(3 * MiB);
      await client.uploadBlob(blob);
      expect(await client.hasBlob(blob.digest)).toBe(true);
    });
  });
});
