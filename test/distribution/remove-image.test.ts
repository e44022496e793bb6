import { chmod, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { recordCommits } from "../../src/content/record-commits.ts";
import { openLocalStore } from "../../src/content.ts";
import { ErrNotFound } from "../../src/errors.ts";
import { buildImage, buildIndex, TestRegistry } from "../../src/testing.ts";
import { digestsOf } from "./support/built-image.ts";
import { blobsOn, type Engine, failureOf, namesOn, openEngine } from "./support/engine.ts";
import { memoryLogger } from "./support/memory-logger.ts";

const REPOSITORY = "team/app";

let registry: TestRegistry;
let engine: Engine;
let name: string;

beforeEach(async () => {
  registry = await TestRegistry.start();
  engine = await openEngine();
  name = `${registry.host}/${REPOSITORY}`;
});

afterEach(async () => {
  await engine[Symbol.asyncDispose]();
  await registry.close();
});

function throwing(): never {
  throw new TypeError("a bug of somebody else");
}

describe("remove()", () => {
  it("takes the name and its content away, and tells", async () => {
    const { descriptor } = await buildImage(registry, REPOSITORY, { tag: "v1", layers: [5_000] });
    await engine.pull(`${name}:v1`);
    const digests = await blobsOn(engine.root);
    const seen: unknown[] = [];
    engine.events.on("untag", (event) => seen.push(["untag", event.digest]));
    engine.events.on("delete", (event) => seen.push(["delete", event.digest]));

    const removed = await engine.remove(`${name}:v1`);

    expect(removed).toMatchObject({ untagged: { name: `${name}:v1` }, kept: false });
    expect(removed.deleted.toSorted()).toEqual(digests);
    expect(seen).toEqual([
      ["untag", descriptor.digest],
      ...removed.deleted.map((digest) => ["delete", digest]),
    ]);
    expect(await blobsOn(engine.root)).toEqual([]);
    expect(await namesOn(engine.root)).toEqual([]);
  });

  it("leaves what an entry of another tool needs, which has no name", async () => {
    const { descriptor } = await buildImage(registry, REPOSITORY, { tag: "v1", layers: [5_000] });
    await engine.pull(`${name}:v1`);
    const digests = await blobsOn(engine.root);
    const path = join(engine.root, "index.json");
    const index = JSON.parse(await readFile(path, "utf8"));
    const { mediaType, digest, size } = descriptor;
    await writeFile(
      path,
      JSON.stringify({ ...index, manifests: [...index.manifests, { mediaType, digest, size }] }),
    );

    expect(await engine.remove(`${name}:v1`)).toMatchObject({ deleted: [], kept: false });
    expect(await blobsOn(engine.root)).toEqual(digests);
  });

  it("leaves what another name needs", async () => {
    const base = Buffer.alloc(5_000, "base");
    await buildImage(registry, REPOSITORY, { tag: "v1", layers: [base, 6_000] });
    const second = await buildImage(registry, REPOSITORY, { tag: "v2", layers: [base] });
    await engine.pull(name, { allTags: true });

    const removed = await engine.remove(`${name}:v1`);

    expect(removed.deleted).toHaveLength(3); // manifest, config, and the layer that v2 has not
    expect(await blobsOn(engine.root)).toEqual(
      [second.descriptor, second.config, ...second.layers.map((layer) => layer.descriptor)]
        .map(({ digest }) => digest)
        .toSorted(),
    );
    const { images } = await engine.pull(`${name}:v2`);
    expect(images[0]?.updated).toBe(false);
  });

  it("leaves everything when a second name is for the same image", async () => {
    await buildImage(registry, REPOSITORY, { tag: "v1", layers: [5_000] });
    const { digest } = await engine.pull(`${name}:v1`);
    await engine.pull(`${name}@${digest}`);
    const before = await blobsOn(engine.root);
    expect(await engine.remove(`${name}:v1`)).toMatchObject({ deleted: [], kept: false });
    expect(await blobsOn(engine.root)).toEqual(before);
    expect(await namesOn(engine.root)).toEqual([`${name}@${digest}`]);
  });

  it("leaves content alone that no name brought", async () => {
    await buildImage(registry, REPOSITORY, { tag: "v1", layers: [5_000] });
    await engine.pull(`${name}:v1`);
    const writer = await engine.content.writer({ ref: "an engine's own" });
    await writer.write(Buffer.from("own"));
    const own = await writer.commit();
    await engine.remove(`${name}:v1`);
    expect(await blobsOn(engine.root)).toEqual([own]);
  });

  it("keeps the content while a pull runs, which then finds it", async () => {
    const base = Buffer.alloc(5_000, "base");
    const old = await buildImage(registry, REPOSITORY, { tag: "v1", layers: [base] });
    const next = await buildImage(registry, REPOSITORY, { tag: "v2", layers: [base, 6_000] });
    await engine.pull(`${name}:v1`);
    const go = Promise.withResolvers<void>();
    registry.fault({ digest: next.layers[1]?.descriptor.digest ?? "" }, { hold: go.promise });
    const pulled = engine.pull(`${name}:v2`);
    await registry.waitFor(({ digest }) => digest === next.layers[1]?.descriptor.digest);

    expect(await engine.remove(`${name}:v1`)).toMatchObject({ deleted: [], kept: true });
    go.resolve();
    await pulled;

    expect(await blobsOn(engine.root)).toContain(old.layers[0]?.descriptor.digest);
    expect(await namesOn(engine.root)).toEqual([`${name}:v2`]);
  });

  it("frees what it kept when the last work ends, and tells", async () => {
    await buildImage(registry, REPOSITORY, { tag: "v1", layers: [5_000] });
    await engine.pull(`${name}:v1`);
    const seen: string[] = [];
    engine.events.on("delete", (event) => seen.push(event.name));
    await engine.withLease(async () => {
      expect(await engine.remove(`${name}:v1`)).toMatchObject({ deleted: [], kept: true });
      expect(await blobsOn(engine.root)).toHaveLength(3);
    });
    expect(await blobsOn(engine.root)).toEqual([]);
    expect(seen).toEqual([`${name}:v1`, `${name}:v1`, `${name}:v1`]);
  });

  it("frees what a tag pointed at before it was moved", async () => {
    const pulls = [1_000, 2_000, 3_000];
    for (const size of pulls) {
      await buildImage(registry, REPOSITORY, { tag: "v1", layers: [size] });
      await engine.pull(`${name}:v1`);
      expect(await blobsOn(engine.root)).toHaveLength(3);
    }
    expect((await engine.remove(`${name}:v1`)).deleted).toHaveLength(3);
    expect(await blobsOn(engine.root)).toEqual([]);
  });

  it("leaves exactly what the remaining names reach when 25 run at once beside ten pulls", async () => {
    const base = Buffer.alloc(4_000, "base");
    const build = (tag: string, fill: number) =>
      buildImage(registry, REPOSITORY, { tag, layers: [base, Buffer.alloc(3_000, fill)] });
    const removed = Array.from({ length: 25 }, (_, at) => `r${at}`);
    const pulled = Array.from({ length: 10 }, (_, at) => `p${at}`);
    for (const [at, tag] of removed.entries()) await build(tag, at + 1);
    const kept = await Promise.all(pulled.map((tag, at) => build(tag, at + 15))); // five of them share their layers with others
    for (const tag of removed) await engine.pull(`${name}:${tag}`);

    await Promise.all([
      ...pulled.map((tag) => engine.pull(`${name}:${tag}`)),
      ...removed.map((tag) => engine.remove(`${name}:${tag}`)),
    ]);

    expect(await blobsOn(engine.root)).toEqual(digestsOf(...kept));
    expect((await engine.diskUsage()).unreferenced).toEqual({ count: 0, bytes: 0 });
  });

  it("does what it should although the manifest of another image is damaged, and keeps what that may need", async () => {
    const base = Buffer.alloc(5_000, "base");
    const broken = await buildImage(registry, REPOSITORY, { tag: "broken", layers: [base] });
    const image = await buildImage(registry, REPOSITORY, { tag: "v1", layers: [base, 6_000] });
    const other = await buildImage(registry, REPOSITORY, { tag: "v2", layers: [7_000] });
    await engine.pull(name, { allTags: true });
    await engine.close();
    const path = join(engine.root, "blobs", "sha256", broken.descriptor.digest.slice("sha256:".length));
    await chmod(path, 0o644);
    await writeFile(path, "");
    const logger = memoryLogger();
    await using fresh = await openEngine({ root: engine.root, logger });

    const removed = await fresh.remove(`${name}:v1`);

    expect(removed.deleted.toSorted()).toEqual(
      digestsOf(image).filter((digest) => !digestsOf(broken).includes(digest)),
    );
    expect(logger.entries).toContainEqual(
      expect.objectContaining({
        level: "warn",
        fields: expect.objectContaining({ digest: broken.descriptor.digest }),
      }),
    );
    expect(await fresh.sizeOf(broken.descriptor)).toBe(0);
    expect((await fresh.remove(`${name}:v2`)).deleted.toSorted()).toEqual(digestsOf(other));
    await fresh.remove(`${name}:broken`);
    await fresh.prune({ minAgeMs: 0 });
    expect(await readdir(join(engine.root, "blobs", "sha256"))).toEqual([]);
  });

  it("forgets which repositories had the content", async () => {
    await buildImage(registry, REPOSITORY, { tag: "v1", layers: [5_000] });
    await engine.pull(`${name}:v1`);
    await engine.push(`${name}:v1`, { target: `${registry.host}/other:v1` });
    const mounts = join(engine.root, "mounts", "sha256");
    expect((await readdir(mounts)).length).toBeGreaterThan(0);
    await engine.remove(`${name}:v1`);
    expect(await readdir(mounts)).toEqual([]);
  });

  it("is not failed by listeners and loggers that throw, and neither is a pull", async () => {
    await buildImage(registry, REPOSITORY, { tag: "v1", layers: [5_000] });
    await using fresh = await openEngine({
      logger: { debug: throwing, info: throwing, warn: throwing, error: throwing },
    });
    for (const event of ["tag", "pull", "untag", "delete"] as const) fresh.events.on(event, throwing);
    await fresh.pull(`${name}:v1`);
    expect((await fresh.remove(`${name}:v1`)).deleted).toHaveLength(3);
  });

  it("takes only the name where somebody else looks after the content", async () => {
    await buildImage(registry, REPOSITORY, { tag: "v1", layers: [5_000] });
    await using store = await openLocalStore({ root: join(engine.root, "elsewhere") });
    const content = Object.assign(
      recordCommits(store, () => {}),
      { isCollected: true },
    );
    await using fresh = await openEngine({ content });
    await fresh.pull(`${name}:v1`);
    expect(await fresh.remove(`${name}:v1`)).toMatchObject({ deleted: [], kept: false });
    expect(await fresh.prune({ minAgeMs: 0 })).toMatchObject({ deleted: [] });
    expect(await blobsOn(join(engine.root, "elsewhere"))).toHaveLength(3);
  });

  it("takes the familiar form of a name, and refuses one that is not there", async () => {
    await buildImage(registry, REPOSITORY, { tag: "latest", layers: [] });
    await engine.pull(name);
    await engine.remove(name);
    const failure = await failureOf(engine.remove(name));
    expect(failure).toBeInstanceOf(ErrNotFound);
    expect(failure.message).toBe(`image ${name}:latest: not found`);
  });
});

describe("sizeOf()", () => {
  it("counts what is in the store, each blob once", async () => {
    const base = Buffer.alloc(5_000, "base");
    const images = [
      await buildImage(registry, REPOSITORY, { layers: [base] }),
      await buildImage(registry, REPOSITORY, {
        layers: [base, 9_000],
        platform: { os: "linux", architecture: "arm64" },
      }),
    ];
    const index = buildIndex(registry, REPOSITORY, { tag: "v1", images });
    const sizes = new Map<string, number>([[index.digest, index.size]]);
    const addImage = ({ descriptor, config, layers }: (typeof images)[number]): void => {
      for (const { digest, size } of [descriptor, config, ...layers.map((layer) => layer.descriptor)]) {
        sizes.set(digest, size);
      }
    };
    const total = (): number => [...sizes.values()].reduce((sum, size) => sum + size, 0);

    await engine.pull(`${name}:v1`, { platform: "linux/amd64" });
    images.slice(0, 1).forEach(addImage);
    expect(await engine.sizeOf(index)).toBe(total());

    await engine.pull(`${name}:v1`, { allPlatforms: true });
    images.forEach(addImage);
    expect(await engine.sizeOf(index)).toBe(total());
  });
});
