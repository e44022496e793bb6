import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { exists, writeBlob } from "../../src/content.ts";
import { digestOf } from "../../src/digest/digest.ts";
import type { Descriptor } from "../../src/images.ts";
import type { Distribution } from "../../src/index.ts";
import { type BuiltImage, buildImage, TestRegistry } from "../../src/testing.ts";
import { digestsOf } from "./support/built-image.ts";
import { blobsOn, type Engine, failureOf, namesOn, openEngine } from "./support/engine.ts";
import { until } from "./support/until.ts";

const REPOSITORY = "team/app";
const OWN = Buffer.from("an engine's own");
const BASE = Buffer.alloc(5_000, "base");

let registry: TestRegistry;
let engine: Engine;
/** Another process on the same root, as far as locks go. */
let other: Engine;
let name: string;
let images: readonly BuiltImage[];
/** Requests that the registry had before the test began. */
let asked: number;
const open: Array<() => Promise<void>> = [];

beforeEach(async () => {
  registry = await TestRegistry.start();
  engine = await openEngine();
  other = await openEngine({ root: engine.root });
  name = `${registry.host}/${REPOSITORY}`;
  images = await Promise.all(
    [1, 2, 3].map((number) =>
      buildImage(registry, REPOSITORY, { tag: `v${number}`, layers: [BASE, layerBytes(number)] }),
    ),
  );
});

afterEach(async () => {
  for (const end of open.splice(0)) await end();
  await other[Symbol.asyncDispose]();
  await engine[Symbol.asyncDispose]();
  await registry.close();
});

/** Begins work that goes on until it is told to end. */
async function work(where: Distribution): Promise<() => Promise<void>> {
  const begun = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  const working = where.withLease(async () => {
    begun.resolve();
    await go.promise;
  });
  await begun.promise;
  const end = async (): Promise<void> => {
    go.resolve();
    await working;
  };
  open.push(end);
  return end;
}

const pullAll = (): Promise<unknown> => engine.pull(name, { allTags: true });
const swept = (): Promise<readonly string[]> => readdir(join(engine.root, "sweep"));
/** The epochs that began after the first. */
const epochs = (): Promise<readonly string[]> =>
  readdir(join(engine.root, "locks", "epochs")).catch(() => []);
/** A source that fails when it is read. */
const neverRead = (): Readable =>
  new Readable({ read: () => void expect.unreachable("the bytes are there already") });
const requestsFor = (digest: string): number =>
  registry.requests.slice(asked).filter((request) => request.digest === digest).length;

function layerBytes(number: number): Buffer {
  return Buffer.alloc(number * 1_000, number);
}

/** The layer that only this image has. */
function ownLayerOf({ layers: [, layer] }: BuiltImage): Descriptor {
  if (!layer) throw new TypeError("the image has one layer");
  return layer.descriptor;
}

function firstOf<T>([first]: readonly T[]): T {
  if (first === undefined) throw new TypeError("the list is empty");
  return first;
}

describe.each(["the same", "another"])("with work of %s process that always overlaps", (which) => {
  it("frees what was removed when the work has ended that was running then", async () => {
    const where = which === "the same" ? engine : other;
    await pullAll();
    const end = await work(where);
    for (const tag of ["v1", "v2", "v3"]) {
      expect(await engine.remove(`${name}:${tag}`)).toMatchObject({ deleted: [], kept: true });
    }
    const later = [await work(where), await work(engine)];
    expect(await blobsOn(engine.root)).toEqual(digestsOf(...images));
    await end();
    expect(await blobsOn(engine.root)).toEqual([]);
    expect(await swept()).toEqual([]);
    for (const endLater of later) await endLater();
  });

  it("frees each removal with the work of its own time", async () => {
    const where = which === "the same" ? engine : other;
    await pullAll();
    const ends: Array<() => Promise<void>> = [];
    for (const tag of ["v1", "v2", "v3"]) {
      ends.push(await work(where));
      await engine.remove(`${name}:${tag}`);
    }
    await work(where);
    for (const [index, end] of ends.entries()) {
      await end();
      const left = images.slice(index + 1);
      expect(await blobsOn(engine.root)).toEqual(left.length > 0 ? digestsOf(...left) : []);
    }
  });

  it("prunes when the work has ended that was running when it began", async () => {
    const where = which === "the same" ? engine : other;
    await writeBlob(engine.content, "own", OWN);
    const end = await work(where);
    const pruning = engine.prune({ minAgeMs: 0 });
    await until(async () => (await epochs()).length > 0);
    await work(where);
    expect(await blobsOn(engine.root)).toHaveLength(1);
    await end();
    expect(await pruning).toMatchObject({ deleted: [digestOf(OWN)], reclaimedBytes: OWN.length });
    expect(await blobsOn(engine.root)).toEqual([]);
  });
});

describe("content that waits to be freed", () => {
  let end: () => Promise<void>;

  beforeEach(async () => {
    await pullAll();
    end = await work(other);
    await engine.remove(`${name}:v1`);
    asked = registry.requests.length;
  });

  it.each(["here", "in another process"])(
    "is kept for a pull %s that begins later and finds it",
    async (where) => {
      await (where === "here" ? engine : other).pull(`${name}:v1`);
      await end();
      expect(await blobsOn(engine.root)).toEqual(digestsOf(...images));
      expect(await namesOn(engine.root)).toContain(`${name}:v1`);
      for (const { descriptor } of firstOf(images).layers) expect(requestsFor(descriptor.digest)).toBe(0);
      expect(await swept()).toEqual([]);
    },
  );

  it("is fetched again by a pull that looks for it when it has gone", async () => {
    const image = firstOf(images);
    const go = Promise.withResolvers<void>();
    registry.fault({ digest: image.descriptor.digest }, { hold: go.promise });
    await engine.remove(`${name}:v2`);
    await engine.remove(`${name}:v3`);
    const pulled = engine.pull(`${name}@${image.descriptor.digest}`);
    await registry.waitFor(({ digest }) => digest === image.descriptor.digest);
    await end();
    expect(await blobsOn(engine.root)).toEqual([image.descriptor.digest]); // which the pull has looked for, and keeps
    go.resolve();
    await pulled;
    expect(await blobsOn(engine.root)).toEqual(digestsOf(image));
  });

  it("goes with a pull that wanted it and failed", async () => {
    const own = ownLayerOf(firstOf(images)).digest;
    const next = await buildImage(registry, REPOSITORY, {
      tag: "next",
      layers: [BASE, layerBytes(1), 8_000],
    });
    const missing = next.layers[2]?.descriptor.digest ?? "";
    const go = Promise.withResolvers<void>();
    registry.fault({ digest: missing }, { hold: go.promise, status: 404 });
    const failing = failureOf(engine.pull(`${name}:next`));
    await registry.waitFor(({ digest }) => digest === missing);
    await end();
    expect(await blobsOn(engine.root)).toContain(own);
    go.resolve();
    await failing;
    expect(await blobsOn(engine.root)).not.toContain(own);
  });

  it("is kept for a name that it gets, with everything below", async () => {
    await engine.images.tag("docker.io/team/again:v1", firstOf(images).descriptor);
    await end();
    expect(await blobsOn(engine.root)).toEqual(digestsOf(...images));
  });

  it("is kept for work that is told that it is there already", async () => {
    const { content } = engine;
    const { digest } = ownLayerOf(firstOf(images));
    await engine.withLease(async () => {
      await writeBlob(content, "again", neverRead(), { digest });
      await end();
      expect(await exists(content, digest)).toBe(true);
    });
    expect(await exists(content, digest)).toBe(false);
  });

  it("is not kept by listings", async () => {
    await engine.withLease(async () => {
      for await (const _ of engine.content.walk()) await engine.diskUsage();
      await end();
      expect(await blobsOn(engine.root)).toEqual(digestsOf(...images.slice(1)));
    });
  });
});
