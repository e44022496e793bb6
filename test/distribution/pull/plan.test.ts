import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { ErrDataLoss, ErrInvalidArgument, ErrNotFound } from "../../../src/errors.ts";
import type { ImagePlan, PullResult } from "../../../src/index.ts";
import { buildImage, buildIndex, TestRegistry } from "../../../src/testing.ts";
import { closingAfterEach } from "../../support/closing-after-each.ts";
import { layerOf } from "../support/built-image.ts";
import { blobsOn, type Engine, failureOf, hasOnDisk, openEngine } from "../support/engine.ts";
import { ACCOUNT, APP, profileSite } from "../support/profile-site.ts";
import { closedPort } from "../support/servers.ts";

const AMD64 = { platform: "linux/amd64" };
const PLATFORMS = ["amd64", "arm64"].map((architecture) => ({ os: "linux", architecture }));

const keep = closingAfterEach();
let registry: TestRegistry;
let engine: Engine;

beforeEach(async () => {
  registry = keep(await TestRegistry.start());
  engine = keep(await openEngine());
});

const named = (tag: string, repository = APP): string => `${registry.host}/${repository}:${tag}`;
const bytesServed = ({ served }: PullResult): number => served.reduce((sum, { bytes }) => sum + bytes, 0);
const missing = ({ totalBytes, bytesHere }: ImagePlan): number => totalBytes - bytesHere;
const kinds = ({ contents }: ImagePlan): readonly string[] => contents.map(({ kind }) => kind);

describe("plan()", () => {
  it("tells every content of a new image, in two requests, and writes nothing", async () => {
    const { descriptor, config, layers } = await buildImage(registry, APP, {
      tag: "v1",
      layers: [2_000, 3_000],
    });
    const plan = await engine.plan(named("v1"), AMD64);
    expect(registry.requests.map(({ method, kind }) => `${method} ${kind}`)).toEqual([
      "GET ping",
      "GET manifest",
    ]);
    expect(plan.target.digest).toBe(descriptor.digest);
    expect(plan).toMatchObject({
      reference: named("v1"),
      endpoint: registry.url,
      passedOver: [],
      bytesHere: 0,
    });
    const all = [descriptor, config, ...layers.map((layer) => layer.descriptor)];
    expect(plan.contents.map(({ digest, size }) => ({ digest, size }))).toEqual(
      all.map(({ digest, size }) => ({ digest, size })),
    );
    expect(kinds(plan)).toEqual(["manifest", "config", "layer", "layer"]);
    expect(plan.totalBytes).toBe(all.reduce((sum, { size }) => sum + size, 0));
    expect(await blobsOn(engine.root)).toEqual([]);
    expect(await readdir(join(engine.root, "ingest")).catch(() => [])).toEqual([]);
    expect(await engine.images.list()).toEqual([]);
  });

  it("takes three requests for an image in an index, and tells what a pull of it moves", async () => {
    const images = await Promise.all(
      PLATFORMS.map((platform, at) => buildImage(registry, APP, { layers: [4_000 + at], platform })),
    );
    buildIndex(registry, APP, { tag: "multi", images });
    const plan = await engine.plan(named("multi"), AMD64);
    expect(registry.requests).toHaveLength(3);
    expect(kinds(plan)).toEqual(["index", "manifest", "config", "layer"]);
    expect(bytesServed(await engine.pull(named("multi"), AMD64))).toBe(missing(plan));
    const all = await engine.plan(named("multi"), { allPlatforms: true });
    expect(kinds(all).filter((kind) => kind === "manifest")).toHaveLength(2);
    expect(bytesServed(await engine.pull(named("multi"), { allPlatforms: true }))).toBe(missing(all));
  });

  it("opens no connections for blobs", async () => {
    await buildImage(registry, APP, { tag: "v1", layers: [2_000] });
    await engine.plan(named("v1"), AMD64);
    expect(registry.mostConnections).toBe(1);
  });

  it("tells what is here, of whatever image, in one request when nothing has changed", async () => {
    const base = { layers: [2_000, 3_000] };
    await buildImage(registry, APP, { tag: "v1", ...base });
    await engine.pull(named("v1"), AMD64);
    const before = registry.requests.length;
    const same = await engine.plan(named("v1"), AMD64);
    expect(registry.requests.length - before).toBe(1);
    expect(missing(same)).toBe(0);
    await buildImage(registry, APP, { tag: "v2", layers: [2_000, 3_000, 5_000] });
    const next = await engine.plan(named("v2"), AMD64);
    expect(next.bytesHere).toBeLessThan(next.totalBytes);
    expect(bytesServed(await engine.pull(named("v2"), AMD64))).toBe(missing(next));
  });

  it("tells how far a download has come that was broken off", async () => {
    const image = await buildImage(registry, APP, { tag: "v1", layers: [200_000] });
    const { digest } = layerOf(image);
    registry.fault({ kind: "blob", digest, times: 1 }, { truncate: 70_000 });
    const once = keep(await openEngine({ maxDownloadAttempts: 1 }));
    await failureOf(once.pull(named("v1"), AMD64));
    const plan = await once.plan(named("v1"), AMD64);
    expect(plan.contents.find((content) => content.digest === digest)?.bytesHere).toBe(70_000);
    expect(bytesServed(await once.pull(named("v1"), AMD64))).toBe(missing(plan));
  });

  it("tells which contents are coming already", async () => {
    const image = await buildImage(registry, APP, { tag: "v1", layers: [200_000] });
    const layer = layerOf(image);
    const fault = registry.fault(
      { kind: "blob", digest: layer.digest },
      { stall: true, afterBytes: 50_000, bytesPerSecond: Number.POSITIVE_INFINITY },
    );
    const pulled = engine.pull(named("v1"), AMD64);
    await hasOnDisk(engine, layer, 50_000);
    const { contents } = await engine.plan(named("v1"), AMD64);
    // The config is all here, and its transfer may be at its very end.
    const coming = contents.filter(({ isComing, bytesHere, size }) => isComing && bytesHere < size);
    expect(coming).toMatchObject([{ digest: layer.digest, bytesHere: 50_000 }]);
    fault.release();
    await pulled;
    const after = await engine.plan(named("v1"), AMD64);
    expect(after.contents.some(({ isComing }) => isComing)).toBe(false);
  });

  it("tells which repositories have a content, as far as that is known here", async () => {
    await buildImage(registry, APP, { tag: "v1", layers: [2_000] });
    await buildImage(registry, "team/copy", { tag: "v1", layers: [2_000] });
    await engine.pull(named("v1"), AMD64);
    await engine.push(named("v1"), { target: named("v1", "team/pushed") });
    const plan = await engine.plan(named("v1", "team/copy"), AMD64);
    const layer = plan.contents.find(({ kind }) => kind === "layer");
    expect(layer?.mountableFrom.toSorted()).toEqual([APP, "team/pushed"]);
  });

  it("goes on at the next endpoint, like a pull", async () => {
    const dead = keep(await closedPort());
    await buildImage(registry, APP, { tag: "v1", layers: [2_000] });
    const mirrored = keep(await openEngine({ registry: { mirrors: { [registry.host]: [dead.url] } } }));
    const plan = await mirrored.plan(named("v1"), AMD64);
    expect(plan.endpoint).toBe(registry.url);
    expect(plan.passedOver.map(({ endpoint }) => endpoint)).toEqual([dead.url]);
  });

  it("asks for a token with the credentials of the engine, or with those that it is given", async () => {
    await using site = await profileSite("hub", { account: true });
    const plan = await site.engine.plan(`${site.named(APP)}:v1`, AMD64);
    expect(plan.target.digest).toBe(site.image.descriptor.digest);
    const stranger = keep(await openEngine());
    await failureOf(stranger.plan(`${site.named(APP)}:v1`, AMD64));
    const own = await stranger.plan(`${site.named(APP)}:v1`, { ...AMD64, auth: ACCOUNT });
    expect(own.contents).toEqual(plan.contents);
  });

  it("does not believe a document that is another one than was asked for", async () => {
    const { descriptor } = await buildImage(registry, APP, { tag: "v1", layers: [2_000] });
    registry.fault({ kind: "manifest", times: Number.POSITIVE_INFINITY }, { corrupt: { offset: 3 } });
    const asked = `${registry.host}/${APP}@${descriptor.digest}`;
    expect(await failureOf(engine.plan(asked, AMD64))).toBeInstanceOf(ErrDataLoss);
  });

  it("says what there is not, in docker's words, and refuses what cannot be asked", async () => {
    await buildImage(registry, APP, { tag: "v1", layers: [2_000] });
    const failure = await failureOf(engine.plan(named("no-such-tag")));
    expect(failure).toBeInstanceOf(ErrNotFound);
    expect(failure.message).toContain(`manifest for ${named("no-such-tag")} not found`);
    const both = engine.plan(named("v1"), { ...AMD64, allPlatforms: true });
    expect(await failureOf(both)).toBeInstanceOf(ErrInvalidArgument);
    // @ts-expect-error: no such option
    expect(await failureOf(engine.plan(named("v1"), { allTags: true }))).toBeInstanceOf(ErrInvalidArgument);
  });
});
