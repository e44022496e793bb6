import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ErrNotFound } from "../../src/errors.ts";
import { buildImage, buildIndex, TestRegistry } from "../../src/testing.ts";
import { blobsOn, type Engine, failureOf, namesOn, openEngine } from "./support/engine.ts";

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
