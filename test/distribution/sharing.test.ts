import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Digest, shortId } from "../../src/digest/digest.ts";
import { ErrCanceled, ErrPermissionDenied, ErrUnauthenticated } from "../../src/errors.ts";
import type { Descriptor } from "../../src/images.ts";
import {
  type BuiltImage,
  buildImage,
  buildIndex,
  type RequestRecord,
  TestRegistry,
} from "../../src/testing.ts";
import { digestsOf, layerOf } from "./support/built-image.ts";
import { blobsOn, type Engine, failureOf, hasOnDisk, namesOn, openEngine } from "./support/engine.ts";
import { expectEachOnce, gets } from "./support/requests.ts";
import { statusLog } from "./support/status-lines.ts";
import { until } from "./support/until.ts";
import { wantLayer } from "./support/wants.ts";

const REPOSITORY = "team/app";
const ALWAYS = Number.POSITIVE_INFINITY;
const PLATFORM = { platform: "linux/amd64" };

let registry: TestRegistry;
let engine: Engine;
let name: string;

beforeEach(async () => {
  registry = await TestRegistry.start();
  engine = await openEngine();
  name = `${registry.host}/${REPOSITORY}`;
});

afterEach(async () => {
  await registry.close(); // first, so that no held request keeps the engine from closing
  await engine[Symbol.asyncDispose]();
});

/** Images of one layer each, whose layers stall; `release` lets one go on. */
async function stalledImages(count: number) {
  return await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const tag = `v${index}`;
      const image = await buildImage(registry, REPOSITORY, { tag, layers: [Buffer.alloc(9_000, tag)] });
      const layer = layerOf(image);
      const { release } = registry.fault({ digest: layer.digest }, { stall: true, afterBytes: 10 });
      return { reference: `${name}:${tag}`, layer, release };
    }),
  );
}

function isLeader({ headers }: RequestRecord): boolean {
  return headers["x-meta-who"] === "leader";
}

describe("fifty pulls of one image", () => {
  it("ask for each blob and each document once, and all of them see it come", async () => {
    const image = await buildImage(registry, REPOSITORY, { tag: "v1", layers: [300_000, 200_000, 1_000] });
    const logs = Array.from({ length: 50 }, () => statusLog());

    const results = await Promise.all(logs.map((log) => engine.pull(`${name}:v1`, { onProgress: log.sink })));

    expectEachOnce(registry, digestsOf(image));
    expect(results.map(({ digest }) => digest)).toEqual(results.map(() => image.descriptor.digest));
    expect(results.filter(({ images }) => images[0]?.updated)).toHaveLength(1);
    for (const log of logs) {
      for (const { descriptor } of image.layers) {
        const actions = log.actions(shortId(descriptor.digest));
        expect(["Pull complete", "Already exists"]).toContain(actions.at(-1));
      }
    }
    expect(await blobsOn(engine.root)).toHaveLength(5);
  });

  it("show each watcher the last state of the blob under way, also one that comes late", async () => {
    const image = await buildImage(registry, REPOSITORY, { tag: "v1", layers: [300_000] });
    const layer = layerOf(image);
    const stalled = registry.fault({ digest: layer.digest }, { stall: true, afterBytes: 200_000 });
    await using single = await openEngine({ ranges: false }); // others would bring what stalls
    const [early, late] = [statusLog(), statusLog()];
    const pulls = [single.pull(`${name}:v1`, { onProgress: early.sink })];
    await hasOnDisk(single, layer, 200_000);

    pulls.push(single.pull(`${name}:v1`, { onProgress: late.sink }));
    await until(() => late.actions(shortId(layer.digest)).includes("Downloading"));
    expect(late.progress.at(-1)).toEqual(early.progress.at(-1));

    stalled.release();
    await Promise.all(pulls);
    expect(late.actions(shortId(layer.digest)).slice(-3)).toEqual([
      "Verifying Checksum",
      "Download complete",
      "Pull complete",
    ]);
  });
});

describe("leaving a shared pull", () => {
  let layer: Descriptor;
  let go: () => void;
  let aborts: readonly AbortController[];
  let pulls: ReadonlyArray<Promise<unknown>>;

  beforeEach(async () => {
    await engine[Symbol.asyncDispose]();
    engine = await openEngine({ ranges: false }); // who else would bring the rest is not what is counted here
    layer = layerOf(await buildImage(registry, REPOSITORY, { tag: "v1", layers: [300_000] }));
    go = registry.fault({ digest: layer.digest }, { stall: true, afterBytes: 100_000 }).release;
    aborts = [new AbortController(), new AbortController()];
    const logs = aborts.map(() => statusLog());
    pulls = aborts.map(({ signal }, index) =>
      engine.pull(`${name}:v1`, { signal, onProgress: logs[index]?.sink }).catch((error: unknown) => error),
    );
    await wantLayer(layer, ...logs);
    await hasOnDisk(engine, layer, 100_000);
  });

  it.each([
    ["the first", 0],
    ["the second", 1],
  ])("never ends it for the others when %s leaves", async (_, leaver) => {
    aborts[leaver]?.abort();
    expect(await pulls[leaver]).toBeInstanceOf(ErrCanceled);
    expect(gets(registry, layer.digest)).toMatchObject([{ state: "started" }]);
    go();
    await expect(pulls[1 - leaver]).resolves.toMatchObject({ reference: `${name}:v1` });
    expect(gets(registry, layer.digest)).toHaveLength(1);
  });

  it("cancels the request when the last one leaves, and keeps the bytes", async () => {
    for (const abort of aborts) abort.abort();
    for (const pull of pulls) expect(await pull).toBeInstanceOf(ErrCanceled);
    const request = await registry.waitFor(({ digest }) => digest === layer.digest, { finished: true });
    expect(request.state).toBe("aborted");
    expect(await namesOn(engine.root)).toEqual([]);

    await engine.pull(`${name}:v1`);

    const [, rest, ...more] = gets(registry, layer.digest);
    expect(more).toEqual([]);
    expect(rest).toMatchObject({ status: 206, range: "bytes=100000-", state: "finished" });
    await blobsOn(engine.root);
  });
});

describe("waiting for a slot", () => {
  it("ends at once when the pull is cancelled, and leaves no trace in the queue", async () => {
    engine.setConcurrency({ downloads: 1 });
    const [first, second, third] = await stalledImages(3);
    if (!first || !second || !third) throw new TypeError("three were asked for");
    const running = engine.pull(first.reference);
    await registry.waitFor(({ digest }) => digest === first.layer.digest);
    const abort = new AbortController();
    const log = statusLog();
    const queued = failureOf(engine.pull(second.reference, { signal: abort.signal, onProgress: log.sink }));
    await until(() => log.actions(shortId(second.layer.digest)).includes("Waiting"));
    const behind = engine.pull(third.reference);

    abort.abort();
    expect(await queued).toBeInstanceOf(ErrCanceled);
    expect(gets(registry, first.layer.digest)).toMatchObject([{ state: "started" }]);

    first.release();
    third.release();
    await Promise.all([running, behind]);
    expect(gets(registry, second.layer.digest)).toEqual([]);
  });

  it("ends at once when the limit is raised", async () => {
    engine.setConcurrency({ downloads: 1 });
    const images = await stalledImages(3);
    const pulls = images.map(({ reference }) => engine.pull(reference));
    await registry.waitFor(({ digest }) => images.some(({ layer }) => layer.digest === digest));
    engine.setConcurrency({ downloads: 0 });
    for (const { layer } of images) await registry.waitFor(({ digest }) => digest === layer.digest);
    for (const { release } of images) release();
    await Promise.all(pulls);
  });

  it("lasts until the lowered limit allows another one", async () => {
    const [first, second, third] = await stalledImages(3);
    if (!first || !second || !third) throw new TypeError("three were asked for");
    const running = [first, second].map(({ reference }) => engine.pull(reference));
    for (const { layer } of [first, second]) await registry.waitFor(({ digest }) => digest === layer.digest);
    engine.setConcurrency({ downloads: 1 });
    const log = statusLog();
    const last = engine.pull(third.reference, { onProgress: log.sink });
    await until(() => log.actions(shortId(third.layer.digest)).includes("Waiting"));

    first.release();
    await running[0];
    expect(gets(registry, third.layer.digest)).toEqual([]);
    second.release();
    third.release();
    await Promise.all([...running, last]);
  });
});

describe("joining a pull whose source fails", () => {
  let other: TestRegistry;
  let image: BuiltImage;
  let fail: () => void;
  let leader: Promise<Error>;
  let joiner: Promise<unknown>;

  /** The leader is held at `held`; then it is answered by `status`, for good. */
  async function leadAndJoin(
    held: (image: BuiltImage) => Digest,
    status: number,
    joins: string,
  ): Promise<void> {
    const digest = held(image);
    const answer = Promise.withResolvers<void>();
    fail = answer.resolve;
    registry.fault({ digest, when: isLeader, times: ALWAYS }, { hold: answer.promise, status });
    const log = statusLog();
    leader = failureOf(engine.pull(`${name}:v1`, { ...PLATFORM, metaHeaders: { "X-Meta-Who": "leader" } }));
    await registry.waitFor((request) => request.method === "GET" && request.digest === digest);
    joiner = engine.pull(joins, { ...PLATFORM, onProgress: log.sink });
    joiner.catch(() => {}); // awaited later
    if (digest === layerOf(image).digest) await wantLayer(layerOf(image), log);
    else await until(() => log.lines().length > 0);
  }

  beforeEach(async () => {
    other = await TestRegistry.start();
    for (const place of [other, registry]) {
      image = await buildImage(place, REPOSITORY, { layers: [300_000] });
      buildIndex(place, REPOSITORY, { tag: "v1", images: [image] }); // so that its manifest is asked for by digest
    }
  });

  afterEach(async () => {
    await other.close();
  });

  it.each([
    ["a layer", layerOf],
    ["a config", ({ config }: BuiltImage) => config],
    ["a manifest", ({ descriptor }: BuiltImage) => descriptor],
  ])("goes on with the own registry when %s is refused", async (_, held) => {
    await leadAndJoin((built) => held(built).digest, 403, `${other.host}/${REPOSITORY}:v1`);
    fail();
    expect(await leader).toBeInstanceOf(ErrPermissionDenied);
    await expect(joiner).resolves.toMatchObject({ endpoint: other.url });
    expect(await namesOn(engine.root)).toEqual([`${other.host}/${REPOSITORY}:v1`]);
  });

  it("goes on with the own credentials at the same registry", async () => {
    await leadAndJoin((built) => layerOf(built).digest, 401, `${name}:v1`);
    fail();
    expect(await leader).toBeInstanceOf(ErrUnauthenticated);
    await expect(joiner).resolves.toMatchObject({ endpoint: registry.url });
    expect(gets(registry, layerOf(image).digest).map(({ status }) => status)).toEqual([401, 200]);
  });

  it("goes on when the leader had to ask another endpoint as well", async () => {
    await using mirror = await TestRegistry.start();
    await buildImage(mirror, REPOSITORY, { tag: "v1", layers: [300_000] });
    await using mirrored = await openEngine({ registry: { mirrors: { [registry.host]: [mirror.url] } } });
    const layer = layerOf(image);
    const broken = Promise.withResolvers<void>();
    mirror.fault({ digest: layer.digest, times: ALWAYS }, { hold: broken.promise, reset: true });
    const slow = other.fault({ digest: layer.digest }, { stall: true, afterBytes: 1_000 });
    const log = statusLog();
    const led = mirrored.pull(`${name}:v1`, PLATFORM);
    await mirror.waitFor(({ digest }) => digest === layer.digest);
    const joined = mirrored.pull(`${other.host}/${REPOSITORY}:v1`, { ...PLATFORM, onProgress: log.sink });
    await wantLayer(layer, log);
    broken.resolve();
    await registry.waitFor(({ kind }) => kind === "manifest"); // had the other one brought it, nobody would go there
    slow.release();
    await expect(led).resolves.toMatchObject({ endpoint: registry.url });
    await expect(joined).resolves.toMatchObject({ endpoint: other.url });
    expect(gets(registry, layer.digest).length + gets(other, layer.digest).length).toBe(1);
  });
});
