import { readdir } from "node:fs/promises";
import { beforeEach, describe, expect, it } from "vitest";
import { digestOf } from "../../src/digest/digest.ts";
import {
  ErrInvalidArgument,
  ErrNotFound,
  ErrNotImplemented,
  ErrOutOfRange,
  ErrPermissionDenied,
} from "../../src/errors.ts";
import { buildImage, buildIndex, TestRegistry } from "../../src/testing.ts";
import { closingAfterEach } from "../support/closing-after-each.ts";
import { layerOf } from "./support/built-image.ts";
import { EMPTY, OCI, putBlob, putIndex, putManifest } from "./support/documents.ts";
import { blobsOn, type Engine, failureOf, openEngine } from "./support/engine.ts";

const APP = "team/app";
const AMD = { os: "linux", architecture: "amd64" };
const ARM = { os: "linux", architecture: "arm64" };
const WINDOWS = { os: "windows", architecture: "amd64" };

const keep = closingAfterEach();
let registry: TestRegistry;
let engine: Engine;

beforeEach(async () => {
  registry = keep(await TestRegistry.start());
  engine = keep(await openEngine());
});

const named = (tag: string): string => `${registry.host}/${APP}:${tag}`;
const asked = (of = registry): readonly string[] =>
  of.requests.map(({ method, kind }) => `${method} ${kind}`);

/** All files of a root but for the locks, among which is what an engine holds back of the disk as soon as it is open. */
async function filesOn(root: string): Promise<readonly string[]> {
  const all = await readdir(root, { recursive: true });
  return all.filter((path) => !path.startsWith("locks")).toSorted();
}

/** A mirror in front of the registry. */
async function behind(mirror: TestRegistry): Promise<Engine> {
  return keep(await openEngine({ registry: { mirrors: { [registry.host]: [mirror.url] } } }));
}

describe("resolve()", () => {
  it("asks by HEAD alone, and writes nothing", async () => {
    const { descriptor } = await buildImage(registry, APP, { tag: "v1", layers: [2_000] });
    const before = await filesOn(engine.root);
    expect(await engine.resolve(named("v1"))).toEqual({
      reference: named("v1"),
      mediaType: descriptor.mediaType,
      digest: descriptor.digest,
      size: descriptor.size,
      endpoint: registry.url,
      passedOver: [],
    });
    expect(asked()).toEqual(["HEAD manifest"]);
    expect(await filesOn(engine.root)).toEqual(before);
  });

  it.each([
    ["is refused", { status: 405 }],
    ["names no digest", { omitHeaders: ["docker-content-digest"] }],
  ])("asks by GET where HEAD %s, and computes the digest", async (_name, answer) => {
    const { descriptor } = await buildImage(registry, APP, { tag: "v1", layers: [2_000] });
    registry.fault({ kind: "manifest", method: "HEAD" }, answer);
    const { digest, size } = await engine.resolve(named("v1"));
    expect({ digest, size }).toEqual({ digest: descriptor.digest, size: descriptor.size });
    expect(asked().at(-1)).toBe("GET manifest");
  });

  it("tells documents of unknown kinds, and indexes", async () => {
    const type = "application/vnd.example.list+json";
    const odd = registry.putManifest(APP, "odd", '{"schemaVersion":2}', type);
    expect(await engine.resolve(named("odd"))).toMatchObject({ mediaType: type, digest: odd.digest });
    const index = putIndex(registry, { repository: APP, tag: "all" }, []);
    expect(await engine.resolve(named("all"))).toMatchObject({ digest: index.digest });
  });

  it("passes a mirror over that does not know it, and says so", async () => {
    const mirror = keep(await TestRegistry.start());
    await buildImage(registry, APP, { tag: "v1", layers: [2_000] });
    const { endpoint, passedOver } = await (await behind(mirror)).resolve(named("v1"));
    expect(endpoint).toBe(registry.url);
    expect(passedOver).toMatchObject([{ endpoint: mirror.url }]);
  });

  it("fails in docker's words", async () => {
    const failure = await failureOf(engine.resolve(named("missing")));
    expect(failure).toBeInstanceOf(ErrNotFound);
    expect(failure.message).toContain("not found");
    expect(await failureOf(engine.resolve("not a name"))).toBeInstanceOf(ErrInvalidArgument);
    expect(await failureOf(engine.resolve(named("v1"), { timeoutMs: "1" } as never))).toBeInstanceOf(
      ErrInvalidArgument,
    );
  });

  it("refuses bytes by digest that are not the ones asked for", async () => {
    const { descriptor } = await buildImage(registry, APP, { tag: "v1", layers: [2_000] });
    registry.fault({ kind: "manifest", method: "HEAD" }, { status: 405 });
    registry.fault({ kind: "manifest", method: "GET" }, { corrupt: { offset: 10 } });
    const failure = await failureOf(engine.resolve(`${registry.host}/${APP}@${descriptor.digest}`));
    expect(failure.message).toContain("got digest");
  });
});

describe("inspect()", () => {
  it("tells what an image at the registry consists of, in three requests, and writes nothing", async () => {
    const image = await buildImage(registry, APP, { tag: "v1", layers: [2_000, 3_000], platform: AMD });
    const told = await engine.inspect(named("v1"));
    expect(asked().filter((each) => !each.includes("ping"))).toEqual(["GET manifest", "GET blob"]);
    expect(told).toMatchObject({
      reference: named("v1"),
      from: "registry",
      endpoint: registry.url,
      passedOver: [],
      kind: "image",
      target: { digest: image.descriptor.digest },
      manifest: { digest: image.descriptor.digest },
      manifests: [{ digest: image.descriptor.digest, isHere: false }],
      platforms: ["linux/amd64"],
      platform: AMD,
      id: image.config.digest,
      config: { digest: image.config.digest, isHere: false },
      layers: image.layers.map(({ descriptor, diffId }) => ({
        digest: descriptor.digest,
        diffId,
        isHere: false,
      })),
    });
    const { layers, config } = image;
    const all = [image.descriptor, config, ...layers.map((layer) => layer.descriptor)];
    expect(told.size).toBe(all.reduce((sum, { size }) => sum + size, 0));
    expect(digestOf(told.documents.target)).toBe(image.descriptor.digest);
    expect(digestOf(told.documents.config ?? Buffer.of())).toBe(config.digest);
    expect(told.configuration).toMatchObject({ rootfs: { diff_ids: layers.map(({ diffId }) => diffId) } });
    expect(await blobsOn(engine.root)).toEqual([]);
  });

  it("tells of what is here without asking anybody, by name and by ID", async () => {
    const image = await buildImage(registry, APP, { tag: "v1", layers: [2_000], platform: AMD });
    await engine.pull(named("v1"), { platform: "linux/amd64" });
    const before = registry.requests.length;
    const id = image.config.digest;
    for (const text of [named("v1"), id, id.slice(7, 19)]) {
      expect(await engine.inspect(text)).toMatchObject({
        reference: named("v1"),
        from: "local",
        endpoint: undefined,
        id,
        layers: [{ digest: layerOf(image).digest, isHere: true }],
      });
    }
    expect(registry.requests).toHaveLength(before);
    expect((await engine.inspect(named("v1"), { from: "registry" })).from).toBe("registry");
  });

  it("takes the image of an index that is asked for, and lists them all", async () => {
    const amd = await buildImage(registry, APP, { layers: [1_000], platform: AMD });
    const arm = await buildImage(registry, APP, { layers: [2_000], platform: ARM });
    const index = buildIndex(registry, APP, { tag: "all", images: [amd, arm] });
    const told = await engine.inspect(named("all"), { platform: "linux/arm64" });
    expect(told).toMatchObject({
      target: { digest: index.digest },
      manifest: { digest: arm.descriptor.digest },
    });
    expect(told.platforms).toEqual(["linux/amd64", "linux/arm64"]);
    expect(told.manifests).toHaveLength(2);
    expect(asked().filter((each) => each.startsWith("GET") && !each.includes("ping"))).toHaveLength(3);
    const failure = await failureOf(engine.inspect(named("all"), { platform: "linux/s390x" }));
    expect(failure).toBeInstanceOf(ErrNotFound);
    expect(failure.message).toContain("no matching manifest for linux/s390x");
  });

  it("takes another image where none is for this machine, and the one that is here", async () => {
    const windows = await buildImage(registry, APP, { layers: [1_000], platform: WINDOWS });
    const arm = await buildImage(registry, APP, { layers: [2_000], platform: ARM });
    const amd = await buildImage(registry, APP, { layers: [3_000], platform: AMD });
    buildIndex(registry, APP, { tag: "windows", images: [windows] });
    expect((await engine.inspect(named("windows"))).id).toBe(windows.config.digest);
    buildIndex(registry, APP, { tag: "all", images: [amd, arm] });
    await engine.pull(named("all"), { platform: "linux/arm64" });
    expect(await engine.inspect(named("all"))).toMatchObject({ from: "local", id: arm.config.digest });
    const elsewhere = await engine.inspect(named("all"), { platform: "linux/amd64" });
    expect(elsewhere).toMatchObject({ from: "registry", id: amd.config.digest });
    await engine.pull(named("all"), { allPlatforms: true });
    expect((await engine.inspect(arm.config.digest)).id).toBe(arm.config.digest);
  });

  it("tells what artifacts and unknown documents are, as far as they can be read", async () => {
    const layer = await putBlob(registry, APP, { mediaType: "text/plain", content: "notes" });
    await registry.putBlob(APP, Buffer.from("{}"));
    const artifact = putManifest(
      registry,
      { repository: APP, tag: "notes" },
      { artifactType: "text/notes", config: EMPTY, layers: [layer], annotations: { by: "us" } },
    );
    expect(await engine.inspect(named("notes"))).toMatchObject({
      kind: "artifact",
      id: EMPTY.digest,
      artifactType: "text/notes",
      annotations: { by: "us" },
      layers: [{ digest: layer.digest, diffId: undefined }],
      manifest: { digest: artifact.digest },
      platforms: [],
      configuration: undefined,
    });
    const odd = registry.putManifest(APP, "odd", '{"schemaVersion":2}', "application/vnd.example+json");
    expect(await engine.inspect(named("odd"))).toMatchObject({
      kind: "artifact",
      target: { digest: odd.digest },
      id: odd.digest,
      manifest: undefined,
      layers: [],
    });
    const empty = putIndex(registry, { repository: APP, tag: "empty" }, []);
    expect(await engine.inspect(named("empty"))).toMatchObject({ id: empty.digest, manifests: [] });
  });

  it("reads a config whose fields are not what they should be", async () => {
    const fields = { created: 7, history: [1, { created_by: "RUN x" }], config: { Labels: { a: 1 } } };
    const content = JSON.stringify({ ...AMD, ...fields, rootfs: "none" });
    const config = await putBlob(registry, APP, { mediaType: OCI.config, content });
    putManifest(registry, { repository: APP, tag: "odd" }, { config, layers: [] });
    expect(await engine.inspect(named("odd"))).toMatchObject({
      kind: "image",
      created: undefined,
      labels: {},
      history: [{ createdBy: "RUN x", emptyLayer: false }],
    });
  });

  it("does not look elsewhere for what only local is meant by, or for an ID", async () => {
    await buildImage(registry, APP, { tag: "v1", layers: [] });
    expect(await failureOf(engine.inspect(named("v1"), { from: "local" }))).toBeInstanceOf(ErrNotFound);
    expect(await failureOf(engine.inspect("0".repeat(64)))).toBeInstanceOf(ErrNotFound);
    expect(registry.requests).toEqual([]);
    const wrong = failureOf(engine.inspect(named("v1"), { from: "there" } as never));
    expect((await wrong).message).toContain('"local" or "registry"');
  });

  it("finds the one at the registry when a mirror has a tag and nothing below it", async () => {
    const mirror = keep(await TestRegistry.start());
    const image = await buildImage(registry, APP, { tag: "v1", layers: [1_000] });
    const { bytes, mediaType } = registry.manifest(APP, "v1") ?? { bytes: Buffer.of(), mediaType: "" };
    mirror.putManifest(APP, "v1", Buffer.from(bytes).toString(), mediaType);
    const told = await (await behind(mirror)).inspect(named("v1"));
    expect(told).toMatchObject({ id: image.config.digest, endpoint: registry.url });
    expect(told.passedOver).toHaveLength(1);
  });
});

describe("tags()", () => {
  it("gives the tags of all pages", async () => {
    const paged = keep(await TestRegistry.start({ pageSize: 2 }));
    const tags = ["a", "b", "c", "d", "e"];
    for (const tag of tags) putIndex(paged, { repository: APP, tag }, []);
    expect(await engine.tags(`${paged.host}/${APP}`)).toEqual(tags);
    expect(asked(paged)).toEqual(["GET tags", "GET tags", "GET tags"]);
  });

  it("wants the name of a repository, and fails where there is none", async () => {
    expect((await failureOf(engine.tags(named("v1")))).message).toContain("wanted the name of a repository");
    expect(await failureOf(engine.tags(`${registry.host}/missing`))).toBeInstanceOf(ErrNotFound);
  });

  it("does not follow pages in circles", async () => {
    putIndex(registry, { repository: APP, tag: "a" }, []);
    const link = `</v2/${APP}/tags/list?n=1>; rel="next"`;
    registry.fault({ kind: "tags", times: Number.POSITIVE_INFINITY }, { setHeaders: { link } });
    const failure = await failureOf(engine.tags(`${registry.host}/${APP}`));
    expect(failure).not.toBeInstanceOf(ErrOutOfRange);
    expect(registry.requests.length).toBeLessThan(10);
  });
});

describe("referrers()", () => {
  it.each([
    ["by the API", true],
    ["by the tag that stands for it", false],
  ])("lists what refers to a manifest, %s", async (_name, referrers) => {
    const there = keep(await TestRegistry.start({ referrers }));
    const { descriptor } = await buildImage(there, APP, { tag: "v1", layers: [1_000] });
    const subject = { mediaType: descriptor.mediaType, digest: descriptor.digest, size: descriptor.size };
    const list = ["text/signature", "text/bom"].map((artifactType) => {
      const fields = { artifactType, config: EMPTY, layers: [], subject };
      return { ...putManifest(there, { repository: APP }, fields), artifactType };
    });
    if (!referrers) {
      putIndex(there, { repository: APP, tag: descriptor.digest.replace(":", "-") }, list);
    }
    const name = `${there.host}/${APP}:v1`;
    expect(digests(await engine.referrers(name))).toEqual(digests(list));
    const signatures = await engine.referrers(name, { artifactType: "text/signature" });
    expect(signatures).toMatchObject([{ digest: list[0]?.digest, artifactType: "text/signature" }]);
    const [first] = list;
    expect(await engine.referrers(`${there.host}/${APP}@${first?.digest}`)).toEqual([]);
  });

  it("does not take a mirror's word, which has none", async () => {
    const mirror = keep(await TestRegistry.start());
    const { descriptor } = await buildImage(registry, APP, { tag: "v1", layers: [1_000] });
    const { mediaType, digest, size } = descriptor;
    const subject = { mediaType, digest, size };
    putManifest(
      registry,
      { repository: APP },
      { artifactType: "text/bom", config: EMPTY, layers: [], subject },
    );
    const found = await (await behind(mirror)).referrers(named("v1"));
    expect(found).toHaveLength(1);
    expect(asked(mirror)).not.toContain("GET referrers");
  });
});

describe("delete()", () => {
  it("deletes a tag alone, and a manifest with its tags", async () => {
    const { descriptor } = await buildImage(registry, APP, { tag: "v1", layers: [1_000] });
    const { bytes, mediaType } = registry.manifest(APP, "v1") ?? { bytes: Buffer.of(), mediaType: "" };
    registry.putManifest(APP, "v2", Buffer.from(bytes).toString(), mediaType);
    await engine.delete(named("v1"));
    expect(await engine.tags(`${registry.host}/${APP}`)).toEqual(["v2"]);
    await engine.delete(`${registry.host}/${APP}@${descriptor.digest}`);
    expect(registry.manifest(APP, descriptor.digest)).toBeUndefined();
    expect(await failureOf(engine.delete(named("v1")))).toBeInstanceOf(ErrNotFound);
    expect(await failureOf(engine.resolve(named("v1")))).toBeInstanceOf(ErrNotFound);
  });

  it("wants exactly one of tag and digest", async () => {
    const { descriptor } = await buildImage(registry, APP, { tag: "latest", layers: [] });
    const nothing = await failureOf(engine.delete(`${registry.host}/${APP}`));
    expect(nothing.message).toContain("got neither tag nor digest");
    const both = await failureOf(engine.delete(`${named("latest")}@${descriptor.digest}`));
    expect(both.message).toContain("got a tag and a digest");
    expect(registry.requests).toEqual([]);
  });

  it.each([405, 501, 400])("says so where the registry answers a tag with %i", async (status) => {
    await buildImage(registry, APP, { tag: "v1", layers: [] });
    registry.fault({ kind: "manifest", method: "DELETE" }, { status });
    const failure = await failureOf(engine.delete(named("v1")));
    expect(failure).toBeInstanceOf(ErrNotImplemented);
    expect(failure.message).toContain("may go by its digest");
  });

  it("takes for done what is gone after an attempt without an answer", async () => {
    const { descriptor } = await buildImage(registry, APP, { tag: "v1", layers: [] });
    registry.fault({ kind: "manifest", method: "DELETE" }, { status: 503 });
    registry.fault({ kind: "manifest", method: "DELETE" }, { status: 404 });
    await engine.delete(`${registry.host}/${APP}@${descriptor.digest}`);
    expect(asked()).toEqual(["DELETE manifest", "DELETE manifest"]);
  });

  it("asks for the right to delete, and never a mirror", async () => {
    const account = { username: "me", password: "secret" };
    const locked = keep(await TestRegistry.start({ access: account }));
    const mirror = keep(await TestRegistry.start());
    await buildImage(locked, APP, { tag: "v1", layers: [] });
    const mirrors = { [locked.host]: [mirror.url] };
    const client = keep(await openEngine({ registry: { mirrors }, credentials: async () => account }));
    await client.delete(`${locked.host}/${APP}:v1`);
    expect(mirror.requests).toEqual([]);
    expect(locked.manifest(APP, "v1")).toBeUndefined();
    const stranger = keep(await openEngine());
    expect(await failureOf(stranger.delete(`${locked.host}/${APP}:v2`))).toBeInstanceOf(ErrPermissionDenied);
  });
});

function digests(found: ReadonlyArray<{ digest: string }>): readonly string[] {
  return found.map(({ digest }) => digest).toSorted();
}
