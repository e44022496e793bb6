import { beforeEach, describe, expect, it } from "vitest";
import type { Digest } from "../../src/digest/digest.ts";
import type { DistributionOptions, PullResult } from "../../src/index.ts";
import { type BuiltImage, buildImage, buildV1Image, TestRegistry } from "../../src/testing.ts";
import { closingAfterEach } from "../support/closing-after-each.ts";
import { layerOf } from "./support/built-image.ts";
import { type Engine, openEngine } from "./support/engine.ts";
import { memoryLogger } from "./support/memory-logger.ts";
import { pushSite, REPOSITORY } from "./support/push-site.ts";
import { statusLog } from "./support/status-lines.ts";
import { wantBlobs, wantLayer } from "./support/wants.ts";

const LAYERS = [400_000, 5_000];

/** The registry that a reference names, and a mirror in front of it. Both have the image. */
let registry: TestRegistry;
let mirror: TestRegistry;
let image: BuiltImage;
let name: string;

const keep = closingAfterEach();

beforeEach(async () => {
  registry = keep(await TestRegistry.start());
  mirror = keep(await TestRegistry.start());
  for (const place of [registry, mirror]) {
    image = await buildImage(place, REPOSITORY, { tag: "v1", layers: LAYERS });
  }
  name = `${registry.host}/${REPOSITORY}:v1`;
});

async function engine(options: Partial<DistributionOptions> = {}): Promise<Engine> {
  return keep(await openEngine(options));
}

async function engineWithMirror(options: Partial<DistributionOptions> = {}): Promise<Engine> {
  return await engine({ registry: { mirrors: { [registry.host]: [mirror.url] } }, ...options });
}

function all(): PullResult["served"] {
  const contents = [image.descriptor, image.config, ...image.layers.map(({ descriptor }) => descriptor)];
  return contents.map(({ digest, size }) => ({ digest, endpoint: registry.url, bytes: size }));
}

/** What is told of one content: by whom, and how much. */
function of(
  { served }: PullResult,
  { digest }: { readonly digest: string },
): ReadonlyArray<[string, number]> {
  return served.flatMap((one) => (one.digest === digest ? [[one.endpoint, one.bytes]] : []));
}

function heard({ events }: Engine, event: "served" | "taken" | "budget"): unknown[] {
  const told: unknown[] = [];
  events.on(event, (one: unknown) => told.push(one));
  return told;
}

describe("what a pull says of who served what", () => {
  it("is every content with its bytes, and nothing of what was here", async () => {
    const distribution = await engine();
    const first = await distribution.pull(name);
    expect(first.served).toEqual(expect.arrayContaining([...all()]));
    expect(first.served).toHaveLength(4);
    expect((await distribution.pull(name)).served).toEqual([]);
  });

  it("is a mirror, whose registry was not asked", async () => {
    const { served } = await (await engineWithMirror()).pull(name);
    expect(new Set(served.map(({ endpoint }) => endpoint))).toEqual(new Set([mirror.url]));
  });

  it("is two endpoints for a layer that the second one went on with", async () => {
    const { digest, size } = layerOf(image);
    const half = Math.floor(size / 2);
    mirror.fault({ kind: "blob", digest }, { afterBytes: half, reset: true });
    mirror.fault({ kind: "blob", digest, times: Number.POSITIVE_INFINITY }, { status: 404 });
    const result = await (await engineWithMirror()).pull(name);
    const [first, second] = of(result, { digest });
    expect([first?.[0], second?.[0]]).toEqual([mirror.url, registry.url]);
    expect(first?.[1]).toBeGreaterThan(0);
    expect((first?.[1] ?? 0) + (second?.[1] ?? 0)).toBe(size);
    expect(result.passedOver).toMatchObject([{ endpoint: mirror.url }]);
  });

  it("is one endpoint for a layer whose first attempt broke", async () => {
    const { digest, size } = layerOf(image);
    registry.fault({ kind: "blob", digest }, { afterBytes: 100_000, reset: true });
    expect(of(await (await engine()).pull(name), { digest })).toEqual([[registry.url, size]]);
  });

  it.each([
    ["are wrong", { corrupt: { offset: 7 } }],
    ["are too many", { extraBytes: 10 }],
  ])("is not an endpoint whose bytes %s", async (_what, fault) => {
    const { digest, size } = layerOf(image);
    mirror.fault({ kind: "blob", digest, times: Number.POSITIVE_INFINITY }, fault);
    const result = await (await engineWithMirror()).pull(name);
    expect(of(result, { digest })).toEqual([[registry.url, size]]);
  });

  it("is the endpoint that moved it, for all who joined the transfer", async () => {
    const { digest, size } = layerOf(image);
    const { promise, resolve } = Promise.withResolvers<void>();
    registry.fault({ kind: "blob", digest }, { afterBytes: 100_000, hold: promise });
    const distribution = await engine();
    const pulls = [distribution.pull(name)];
    await registry.waitFor((request) => request.digest === digest);
    await buildImage(mirror, "team/other", { tag: "v1", layers: LAYERS.slice(0, 1) });
    const log = statusLog();
    pulls.push(distribution.pull(`${mirror.host}/team/other:v1`, { onProgress: log.sink }));
    await wantLayer(layerOf(image), log);
    resolve();
    const served = (await Promise.all(pulls)).map((result) => of(result, { digest }));
    for (const one of served) expect(one.reduce((sum, [, bytes]) => sum + bytes, 0)).toBe(size);
    expect(served[1]).toEqual(served[0]);
  });

  it("is the registry's own origin where it sends to a storage with signed addresses", async () => {
    const signing = keep(await TestRegistry.start({ profile: "ecr" }));
    const username = "AWS";
    await buildImage(signing, REPOSITORY, { tag: "v1", layers: LAYERS });
    const logger = memoryLogger();
    const distribution = await engine({ logger, credentials: async () => ({ username, password: "p" }) });
    const told = heard(distribution, "served");
    const { served } = await distribution.pull(`${signing.host}/${REPOSITORY}:v1`);
    expect(new Set(served.map(({ endpoint }) => endpoint))).toEqual(new Set([signing.url]));
    const texts = JSON.stringify([served, told, logger.entries.filter(({ message }) => message !== "")]);
    expect(texts).not.toMatch(/signature|X-Amz/i);
  });

  it("is the layers of version 1, by the digests that they turned out to have", async () => {
    const old = keep(await TestRegistry.start({ v1: { only: true } }));
    await buildV1Image(old, REPOSITORY, { tag: "1", layers: [100_000, 5_000] });
    const distribution = await engine({ registry: { v1Registries: [old.host] } });
    const { served, digest: manifest } = await distribution.pull(`${old.host}/${REPOSITORY}:1`);
    const { layers } = JSON.parse(Buffer.from(await contentOf(distribution, manifest)).toString());
    expect(served).toEqual(
      expect.arrayContaining(
        layers.map(({ digest, size }: { digest: string; size: number }) => ({
          digest,
          endpoint: old.url,
          bytes: size,
        })),
      ),
    );
    expect(served).toHaveLength(2);
  });
});

async function contentOf(distribution: Engine, digest: Digest): Promise<Uint8Array> {
  const { size } = await distribution.content.info(digest);
  await using reader = await distribution.content.readerAt({ digest, size });
  const bytes = new Uint8Array(size);
  await reader.readAt(bytes, 0);
  return bytes;
}

describe("who serves what", () => {
  it("is an event for each content, a line each in the log, and one of the pull", async () => {
    const logger = memoryLogger();
    const distribution = await engine({ logger });
    const told = heard(distribution, "served");
    const { digest } = await distribution.pull(name);
    expect(told).toHaveLength(4);
    expect(told).toEqual(expect.arrayContaining([...all()]));
    const lines = logger.entries.filter(({ message }) => message === "content served");
    expect(lines.map(({ level }) => level)).toEqual(["debug", "debug", "debug", "debug"]);
    expect(logger.entries.filter(({ level }) => level === "info")).toEqual([
      {
        level: "info",
        message: "pulled",
        fields: {
          operation: expect.any(String),
          reference: name,
          digest,
          endpoint: registry.url,
          passedOver: [],
          served: [
            { endpoint: registry.url, contents: 4, bytes: all().reduce((sum, { bytes }) => sum + bytes, 0) },
          ],
        },
      },
    ]);
  });
});

describe("what a push says of who took what", () => {
  it("is what was uploaded and mounted, and nothing of what was there", async () => {
    const logger = memoryLogger();
    const site = keep(await pushSite({ engine: { logger } }));
    const { digest } = layerOf(await site.pulled({ layers: LAYERS }));
    const told = heard(site.engine, "taken");
    const first = await site.engine.push(`${site.from}:v1`, { target: `${site.to}:v1` });
    expect(first.taken).toHaveLength(4);
    expect(first.taken).toContainEqual({ digest, endpoint: site.target.url, how: "uploaded" });
    expect(told).toEqual(expect.arrayContaining([...first.taken]));

    const again = await site.engine.push(`${site.from}:v1`, { target: `${site.to}:v1` });
    expect(again.taken).toEqual([]);

    const target = `${site.target.host}/team/second:v1`;
    const second = await site.engine.push(`${site.from}:v1`, { target });
    expect(second.taken).toContainEqual({
      digest,
      endpoint: site.target.url,
      how: "mounted",
      from: REPOSITORY,
    });
    const infos = logger.entries.filter(({ message }) => message === "pushed");
    expect(infos.map(({ fields }) => fields)).toMatchObject([
      { uploaded: 4, mounted: 0 },
      { uploaded: 0, mounted: 0 },
      { uploaded: 1, mounted: 3, endpoint: site.target.url, passedOver: [] },
    ]);
  });

  it("is told to all pushes that share an upload", async () => {
    const site = keep(await pushSite());
    const { digest } = layerOf(await site.pulled({ layers: LAYERS }));
    const { promise, resolve } = Promise.withResolvers<void>();
    site.target.fault({ kind: "upload", method: "PUT", digest }, { hold: promise });
    const logs = [statusLog(), statusLog()];
    const pushes = logs.map(({ sink }) =>
      site.engine.push(`${site.from}:v1`, { target: `${site.to}:v1`, onProgress: sink }),
    );
    await wantBlobs(...logs); // whoever came later would find it there
    resolve();
    for (const { taken } of await Promise.all(pushes)) {
      expect(taken).toContainEqual({ digest, endpoint: site.target.url, how: "uploaded" });
    }
  });
});

describe("how much a host is asked at once", () => {
  it("is told when it becomes less, and why", async () => {
    registry.fault({ kind: "ping" }, { reset: true });
    const distribution = await engine();
    const told = heard(distribution, "budget");
    await distribution.pull(name);
    expect(told[0]).toEqual({ host: registry.host, before: 16, requests: 8, because: "a connection broke" });
  });
});
