import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BodyLimit, CHUNK_BYTES } from "../../../src/registry/push/body-limit.ts";
import type { PushClient, UploadSession } from "../../../src/registry/push/push-client.ts";
import type { TestRegistry } from "../../../src/testing/test-registry.ts";
import { PushLab, REPOSITORY } from "../support/push-lab.ts";
import { TestBlob } from "../support/test-blob.ts";

const MiB = 1024 ** 2;

const ACCOUNT = { username: "hauler", password: "short haul" };

const scopesAsked = (registry: TestRegistry): string[][] =>
  registry.requests.filter(({ kind }) => kind === "token").map(({ query }) => query.getAll("scope"));

describe("createPushClient()", () => {
  let lab: PushLab;
  beforeEach(() => {
    lab = new PushLab();
  });
  afterEach(() => lab[Symbol.asyncDispose]());

  /** A registry behind a token server, and a client that may do anything there. */
  async function guarded(): Promise<{ registry: TestRegistry; client: PushClient }> {
    const registry = await lab.registry({ auth: { bearer: ACCOUNT } });
    return { registry, client: lab.client(registry.url, { credentials: async () => ACCOUNT }) };
  }

  it("asks for one token to pull and push, whatever it does", async () => {
    const { registry, client } = await guarded();
    const blob = new TestBlob(1_000);
    await client.hasBlob(blob.digest);
    await client.uploadBlob(blob);
    const text = Buffer.from('{"schemaVersion":2,"manifests":[]}');
    const mediaType = "application/vnd.oci.image.index.v1+json";
    await client.hasManifest("v1", blob.digest);
    await client
      .putManifest("v1", { mediaType, bytes: text, digest: new TestBlob(1).digest })
      .catch(() => {});
    expect(scopesAsked(registry)).toHaveLength(1);
    expect(scopesAsked(registry)[0]).toContain(`repository:${REPOSITORY}:pull,push`);
  });

  it("asks for a token to read the other repository as well when it mounts", async () => {
    const { registry, client } = await guarded();
    const blob = new TestBlob(1_000);
    await registry.putBlob("team/base", blob.bytes());
    expect(await client.mountBlob(blob.digest, "team/base")).toEqual({ kind: "mounted" });
    expect(scopesAsked(registry)).toEqual([
      [`repository:${REPOSITORY}:pull,push`, "repository:team/base:pull"],
    ]);
  });

  it("gets a new token in the middle of an upload, and goes on where it was", async () => {
    const { registry, client } = await guarded();
    const blob = new TestBlob(CHUNK_BYTES + 5_000_000);
    const upload = client.uploadBlob(blob, {
      onBytes: (bytes) => {
        if (bytes === CHUNK_BYTES) registry.revokeTokens();
      },
    });
    await upload;
    const statuses = registry.requests
      .filter(({ kind }) => kind === "upload")
      .map(({ method, status }) => `${method} ${status}`);
    expect(statuses).toEqual(["POST 401", "POST 202", "PATCH 202", "PUT 401", "PUT 201"]);
    expect(blob.offsets).toEqual([0, CHUNK_BYTES, CHUNK_BYTES]);
    expect(registry.blobs(REPOSITORY)).toEqual([blob.digest]);
    expect(blob.openReaders).toBe(0);
  });

  it("sends longer bodies after shorter ones were taken, with the next blob, also by another client of the endpoint", async () => {
    const registry = await lab.registry();
    const bodyLimit = new BodyLimit(MiB, 4 * MiB);
    const blobs = ["first", "second", "third"].map((seed) => new TestBlob(5 * MiB, { seed }));
    for (const blob of blobs) await lab.client(registry.url, { bodyLimit }).uploadBlob(blob);
    expect(blobs.map(({ offsets }) => offsets)).toEqual([
      [0, MiB, 2 * MiB, 3 * MiB, 4 * MiB],
      [0, 2 * MiB, 4 * MiB],
      [0, 4 * MiB],
    ]);
    expect(registry.blobs(REPOSITORY)).toHaveLength(3);
  });

  it("goes on with an upload in bodies as long as its first one", async () => {
    const registry = await lab.registry({ habits: { upload: { equalParts: true } } });
    const bodyLimit = new BodyLimit(MiB, 4 * MiB);
    const client = lab.client(registry.url, { bodyLimit });
    const [blob, other] = [new TestBlob(5 * MiB), new TestBlob(3 * MiB, { seed: "other" })];
    let session: UploadSession | undefined;
    const controller = new AbortController();
    const onBytes = (bytes: number): void => {
      if (bytes === 2 * MiB) controller.abort();
    };
    const onSession = (one: UploadSession): void => {
      session = one;
    };
    const broken = client.uploadBlob(blob, { signal: controller.signal, onBytes, onSession });
    await expect(broken).rejects.toMatchObject({ name: "ErrCanceled" });
    await client.uploadBlob(other); // after which longer ones are allowed
    await client.uploadBlob(blob, { session });
    expect(registry.blobs(REPOSITORY)).toContain(blob.digest);
  });

  it("sends a streamed body from its start again after a 401", async () => {
    const { registry, client } = await guarded();
    const blob = new TestBlob(3_000_000);
    const session = await client.startUpload();
    registry.revokeTokens();
    await client.uploadBlob(blob, { session });
    expect(blob.offsets).toEqual([0, 0]);
    expect(registry.blobs(REPOSITORY)).toEqual([blob.digest]);
  });

  it("throws when the account may not push", async () => {
    const registry = await lab.registry({ auth: { bearer: { ...ACCOUNT, grants: () => ["pull"] } } });
    const client = lab.client(registry.url, { credentials: async () => ACCOUNT });
    await expect(client.startUpload()).rejects.toMatchObject({ retryable: false, endpoint: registry.url });
  });

  it("keeps the sessions of uploads at the same time apart", async () => {
    const registry = await lab.registry();
    const client = lab.client(registry.url);
    const blobs = [1, 2, 3, 4, 5].map((n) => new TestBlob(n * 700_000, { seed: `blob ${n}` }));
    await Promise.all(blobs.map((blob) => client.uploadBlob(blob)));
    expect(registry.blobs(REPOSITORY).toSorted()).toEqual(blobs.map(({ digest }) => digest).toSorted());
    expect(registry.uploads(REPOSITORY)).toEqual([]);
  });
});
