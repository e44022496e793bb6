import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  type DrayageError,
  ErrDataLoss,
  ErrNotFound,
  ErrPermissionDenied,
  ErrUnauthenticated,
} from "../../src/errors.ts";
import { type BuiltImage, buildImage, type RequestRecord, TestRegistry } from "../../src/testing.ts";
import { digestsOf, layerOf } from "./support/built-image.ts";
import { OCI, putBlob, putManifest } from "./support/documents.ts";
import { blobsOn, type Engine, failureOf, openEngine } from "./support/engine.ts";
import { type PushSite, pushSite, REPOSITORY } from "./support/push-site.ts";
import { asked, gets } from "./support/requests.ts";

const ALWAYS = Number.POSITIVE_INFINITY;

let registry: TestRegistry;
let engine: Engine;
let image: BuiltImage;
let name: string;

beforeEach(async () => {
  registry = await TestRegistry.start();
  engine = await openEngine();
  image = await buildImage(registry, REPOSITORY, { tag: "v1", layers: [400_000] });
  name = `${registry.host}/${REPOSITORY}:v1`;
});

afterEach(async () => {
  await engine[Symbol.asyncDispose]();
  await registry.close();
});

/** The tag is here, so the next pull begins with the question whether it still is the same: now it is another image. */
async function moveTag(): Promise<void> {
  await engine.pull(name);
  image = await buildImage(registry, REPOSITORY, { tag: "v1", layers: [300_000] });
}

describe("pull() of a tag that is here, from a registry whose HEAD is no good", () => {
  const head = { method: "HEAD", kind: "manifest", times: ALWAYS } as const;

  it.each([400, 401, 403, 405, 406, 500, 501, 503])("is served by GET after a %d", async (status) => {
    await moveTag();
    registry.fault(head, { status });
    expect(await engine.pull(name)).toMatchObject({ digest: image.descriptor.digest });
  });

  it.each([
    ["no length", { omitHeaders: ["content-length"] }],
    ["no byte", { setHeaders: { "content-length": "0" } }],
    ["too few bytes", { setHeaders: { "content-length": "100" } }],
    ["too many bytes", { setHeaders: { "content-length": "70000" } }],
    ["a huge manifest", { setHeaders: { "content-length": "5000000" } }],
    ["no type", { omitHeaders: ["content-type"] }],
    ["a web page", { setHeaders: { "content-type": "text/html" } }],
    ["a page of text", { setHeaders: { "content-type": "text/plain" } }],
  ])("is served by GET after it announced %s", async (_, action) => {
    await moveTag();
    registry.fault(head, action);
    const { images } = await engine.pull(name);
    expect(images).toMatchObject([
      { target: { digest: image.descriptor.digest, size: image.descriptor.size } },
    ]);
    expect(await blobsOn(engine.root)).toEqual(expect.arrayContaining([...digestsOf(image)]));
  });

  it("takes no manifest that has not the digest which was announced", async () => {
    await moveTag();
    const digest = `sha256:${"0".repeat(64)}`;
    const { bytes = "" } = registry.manifest(REPOSITORY, "v1") ?? {};
    registry.fault(head, { setHeaders: { "docker-content-digest": digest } });
    const lie = { status: 200, headers: { "content-type": OCI.manifest }, body: bytes };
    registry.fault({ kind: "manifest", digest, times: ALWAYS }, lie);
    const failure = await failureOf(engine.pull(name));
    expect(failure).toBeInstanceOf(ErrDataLoss);
    expect(failure.message).toMatch(/^verify sha256:0+: got sha256:/);
  });
});

describe("pull() from a registry that has manifests by tag only", () => {
  const byDigest = {
    kind: "manifest",
    times: ALWAYS,
    when: ({ reference }: RequestRecord) => reference?.startsWith("sha256:") ?? false,
  } as const;

  it("takes the manifest by its tag if it has the digest", async () => {
    await moveTag();
    registry.fault(byDigest, { status: 404 });
    expect(await engine.pull(name)).toMatchObject({ digest: image.descriptor.digest });
    expect(await blobsOn(engine.root)).toEqual(expect.arrayContaining([...digestsOf(image)]));
  });

  it("does not take another one", async () => {
    await moveTag();
    registry.fault(byDigest, { status: 404 });
    registry.fault(
      { method: "GET", reference: "v1", times: ALWAYS },
      { omitHeaders: ["docker-content-digest"], corrupt: { offset: 30 } },
    );
    const failure = (await failureOf(engine.pull(name))) as DrayageError;
    expect(failure).toBeInstanceOf(ErrNotFound);
    expect(failure.digest).toBe(image.descriptor.digest);
  });

  it("asks again when the answer by tag was cut off", async () => {
    registry.fault({ method: "GET", reference: "v1" }, { chunked: true, truncate: 200 });
    expect(await engine.pull(name)).toMatchObject({ digest: image.descriptor.digest });
  });

  it("refuses bytes that have not the digest in the header", async () => {
    registry.fault({ method: "GET", reference: "v1", times: ALWAYS }, { corrupt: { offset: 30 } });
    expect(await failureOf(engine.pull(name))).toBeInstanceOf(ErrDataLoss);
  });
});

describe("pull() of a blob of which a part is there", () => {
  /** Leaves the first half of the layer in the store. */
  async function pullHalf(): Promise<void> {
    const { digest, size } = layerOf(image);
    registry.fault({ digest }, { reset: true, afterBytes: size / 2 });
    const denied = registry.fault({ digest, times: ALWAYS }, { status: 403 });
    await failureOf(engine.pull(name));
    denied.remove();
  }

  const range = {
    kind: "blob",
    times: ALWAYS,
    when: (request: RequestRecord) => request.range !== undefined,
  } as const;

  it.each([400, 403, 404, 501, 500, 502])(
    "takes the whole where a range is answered with %d",
    async (status) => {
      await pullHalf();
      registry.fault(range, { status });
      await engine.pull(name);
      expect(await blobsOn(engine.root)).toEqual(digestsOf(image));
    },
  );

  it("waits out a trouble of the moment, and goes on", async () => {
    await pullHalf();
    registry.fault({ ...range, times: 1 }, { status: 503, headers: { "retry-after": "0" } });
    await engine.pull(name);
    expect(gets(registry, layerOf(image).digest).at(-1)).toMatchObject({ status: 206 });
  });
});

describe("pull() from a registry that sends elsewhere", () => {
  const USER = { username: "u", password: "p" };

  it("asks a token server that is no good once, and does not say that the image is missing", async () => {
    await using guarded = await TestRegistry.start({ auth: { bearer: USER } });
    await buildImage(guarded, REPOSITORY, { tag: "v1", layers: [1_000] });
    guarded.fault({ kind: "token", times: ALWAYS }, { status: 404 });
    const failure = (await failureOf(engine.pull(`${guarded.host}/${REPOSITORY}:v1`))) as DrayageError;
    expect(failure).toBeInstanceOf(ErrUnauthenticated);
    expect(failure.message).toMatch(/^Fetch token from .*: got status 404/);
    expect(failure).toMatchObject({ httpStatus: 404, answeredBy: "token server" });
    expect(asked(guarded)).toEqual(["GET token", "GET manifest"]);
  });

  it("goes on in the middle of a blob after the token server was down for a while", async () => {
    await using guarded = await TestRegistry.start({ auth: { bearer: USER } });
    const built = await buildImage(guarded, REPOSITORY, { tag: "v1", layers: [400_000] });
    const { digest, size } = layerOf(built);
    await using owner = await openEngine({ credentials: async () => USER, ranges: false });
    guarded.fault({ digest }, { reset: true, afterBytes: size / 2 });
    const challenge = `Bearer realm="${guarded.url}/token",service="${guarded.host}"`;
    guarded.fault({ digest }, { status: 401, headers: { "www-authenticate": challenge } });
    guarded.fault({ kind: "token", after: 1 }, { status: 500 });
    await owner.pull(`${guarded.host}/${REPOSITORY}:v1`);
    expect(gets(guarded, digest).at(-1)).toMatchObject({ status: 206 });
  });

  it("does not ask for a login where the storage behind a registry refuses", async () => {
    await using storage = await TestRegistry.start();
    storage.fault({ times: ALWAYS }, { status: 403, body: "<Error><Code>Expired</Code></Error>" });
    registry.fault({ kind: "blob", times: ALWAYS }, { redirect: ({ path }) => storage.url + path });
    const failure = (await failureOf(engine.pull(name))) as DrayageError;
    expect(failure).toBeInstanceOf(ErrPermissionDenied);
    expect(failure.message).toMatch(/^GET .* \(redirected to .*\): 403 Forbidden: Expired$/);
    expect(failure).toMatchObject({ endpoint: registry.url, answeredBy: "redirect target" });
  });
});

describe("pull() of what is too long", () => {
  it("keeps no byte of it for the next attempt", async () => {
    const { digest } = layerOf(image);
    const long = registry.fault(
      { digest, times: ALWAYS },
      { chunked: true, extraBytes: 10, corrupt: { offset: 5 } },
    );
    await failureOf(engine.pull(name));
    expect(await engine.content.listStatuses()).toMatchObject([{ offset: 0 }]);
    long.remove();
    await engine.pull(name);
    expect(gets(registry, digest).at(-1)).toMatchObject({ range: undefined, status: 200 });
  });
});

describe("pull() of an image with an empty blob", () => {
  it("brings it, and push() takes it on", async () => {
    const empty = await putBlob(registry, REPOSITORY, { mediaType: OCI.layer, content: "" });
    putManifest(
      registry,
      { repository: REPOSITORY, tag: "empty" },
      { artifactType: "a/b", config: image.config, layers: [empty] },
    );
    const reference = `${registry.host}/${REPOSITORY}:empty`;
    const { digest } = await engine.pull(reference);
    expect(await blobsOn(engine.root)).toContain(empty.digest);
    await using target = await TestRegistry.start();
    await engine.push(reference, { target: `${target.host}/other:v1` });
    expect(target.manifest("other", "v1")?.digest).toBe(digest);
  });
});

describe("pull() of an image that lacks a blob", () => {
  it("names the blob and the image", async () => {
    const { digest } = layerOf(image);
    registry.fault(
      { digest, times: ALWAYS },
      { status: 404, body: { errors: [{ code: "BLOB_UNKNOWN", message: "blob unknown" }] } },
    );
    const failure = (await failureOf(engine.pull(name))) as DrayageError;
    expect(failure.message).toBe(`content of ${name} not found: fetch ${digest}: blob unknown`);
    expect(failure).toMatchObject({ digest, endpoint: registry.url });
  });
});

describe("push() to a registry whose HEAD is no good", () => {
  let site: PushSite;

  beforeEach(async () => {
    site = await pushSite();
    await site.pulled({ layers: [1_000] });
  });

  afterEach(async () => {
    await site[Symbol.asyncDispose]();
  });

  it.each([400, 401, 403, 405, 500, 501])("uploads after a %d", async (status) => {
    site.target.fault({ method: "HEAD", times: ALWAYS }, { status });
    await site.engine.push(`${site.from}:v1`, { target: `${site.to}:v1` });
    expect(site.target.tags(REPOSITORY)).toEqual(["v1"]);
    expect(asked(site.target).filter((line) => line === "PUT upload")).toHaveLength(2);
  });

  it("does not take a 204 for a blob that is there", async () => {
    site.target.fault({ method: "HEAD", kind: "blob", times: ALWAYS }, { status: 204 });
    await site.engine.push(`${site.from}:v1`, { target: `${site.to}:v1` });
    expect(site.target.blobs(REPOSITORY)).toHaveLength(2);
  });
});
