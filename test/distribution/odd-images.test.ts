import { existsSync, readdirSync, statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { digestOf } from "../../src/digest/digest.ts";
import { buildImage, buildIndex, TestRegistry } from "../../src/testing.ts";
import { treeOf } from "../layer/support/tree-of.ts";
import { type WrittenEntry, writeTestTar } from "../tar/support/tar-writer.ts";
import { type Engine, openEngine } from "./support/engine.ts";
import { putImage, type WrittenLayer } from "./support/put-image.ts";

const REPOSITORY = "team/odd";
const AMD64 = { platform: "linux/amd64" };

let registry: TestRegistry;
let directory: string;
let engine: Engine;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "drayage-odd-"));
  registry = await TestRegistry.start();
  engine = await openEngine({ layers: true });
});

afterEach(async () => {
  await engine[Symbol.asyncDispose]();
  await registry.close();
  await rm(directory, { recursive: true, force: true });
});

type Compress = (archive: Buffer) => Buffer;

const layer = (archive: Buffer, compress: Compress = (bytes) => gzipSync(bytes)): WrittenLayer => ({
  diffId: digestOf(archive),
  blob: compress(archive),
});
const entries = (...names: string[]): WrittenEntry[] =>
  names.map((name) => ({ name, content: `content of ${name}`, mtime: 1_000 }));
const archiveOf = (...names: string[]): Buffer => writeTestTar(entries(...names));
const put = (tag: string, ...layers: readonly WrittenLayer[]) =>
  putImage(registry, { repository: REPOSITORY, tag }, layers).then(
    () => `${registry.host}/${REPOSITORY}:${tag}`,
  );

/** What lies in a directory of layers; nothing where there is none. */
function entriesOf(folder: string): readonly string[] {
  const path = join(engine.root, "layers", folder);
  return existsSync(path) ? readdirSync(path) : [];
}
const layersHere = (): readonly string[] => entriesOf("sha256");

/** An image is pulled, and shows the same files in all ways; nothing of it stays. */
async function expectShown(name: string, files: readonly string[]): Promise<void> {
  await engine.pull(name, AMD64);
  expect(await showing(name)).toEqual(files);
  expect(await engine.check()).toMatchObject({ whole: true, layers: { damage: [], unverified: [] } });
  await engine.remove(name);
  await engine.prune({ minAgeMs: 0 });
  expect([layersHere(), entriesOf("staging")]).toEqual([[], []]);
}

async function showing(name: string): Promise<readonly string[]> {
  const [made, extracted] = [
    await mkdtemp(join(directory, "made-")),
    await mkdtemp(join(directory, "extracted-")),
  ];
  await engine.assemble(name, made, AMD64);
  await engine.extract(name, extracted, AMD64);
  expect(treeOf(extracted)).toEqual(treeOf(made));
  const listed: string[] = [];
  for await (const { path } of engine.list(name, AMD64)) listed.push(path.slice(1));
  const names = [...treeOf(made).keys()].toSorted();
  expect(listed.filter(Boolean).toSorted()).toEqual(names);
  return names;
}

const NOTHING = Buffer.alloc(0);
const NO_ENTRIES = writeTestTar([]);

describe("an image is unpacked, shown, checked and removed as others are", () => {
  it.each<readonly [string, readonly WrittenLayer[], readonly string[]]>([
    ["without layers", [], []],
    ["of a layer without entries", [layer(NO_ENTRIES)], []],
    ["of a layer that is gzip of nothing", [layer(archiveOf("a")), layer(NOTHING)], ["a"]],
    ["of a layer that is zstd of nothing", [layer(archiveOf("a")), layer(NOTHING, zstdCompressSync)], ["a"]],
    ["of a layer of no bytes at all", [layer(NOTHING, (bytes) => bytes), layer(archiveOf("a"))], ["a"]],
    [
      "that has a layer three times",
      [layer(archiveOf("a")), layer(archiveOf("a")), layer(archiveOf("b")), layer(archiveOf("a"))],
      ["a", "b"],
    ],
    [
      "that has a layer twice, taken away in between",
      [
        layer(archiveOf("a")),
        layer(archiveOf(".wh.a", "b")),
        layer(archiveOf("a")),
        layer(archiveOf(".wh.b")),
      ],
      ["a"],
    ],
    [
      "that has a layer twice, compressed in two ways",
      [layer(archiveOf("a")), layer(archiveOf("b")), layer(archiveOf("a"), zstdCompressSync)],
      ["a", "b"],
    ],
  ])("%s", async (_, layers, files) => {
    await expectShown(await put("v1", ...layers), files);
  });
});

it("layers that two images have compressed in different ways are unpacked once, and stay for the other", async () => {
  const archives = [archiveOf("a"), archiveOf("b")];
  const names = [
    await put("gzip", ...archives.map((archive) => layer(archive))),
    await put("zstd", ...archives.map((archive) => layer(archive, zstdCompressSync))),
    await put("none", ...archives.map((archive) => layer(archive, (bytes) => bytes))),
  ];
  await Promise.all(names.map((name) => engine.pull(name, AMD64)));
  expect(layersHere()).toHaveLength(2);
  for (const name of names) {
    expect(await showing(name)).toEqual(["a", "b"]);
    await engine.remove(name);
  }
  expect(layersHere()).toEqual([]);
});

it("what unpacked an image does not need is not fetched for another compression of it that keeps no blobs", async () => {
  const archive = archiveOf("a");
  await engine.pull(await put("gzip", layer(archive)), { ...AMD64, keepBlobs: false });
  const zstd = await put("zstd", layer(archive, zstdCompressSync));
  const before = registry.requests.length;
  await engine.pull(zstd, { ...AMD64, keepBlobs: false });
  const fetched = registry.requests.slice(before).filter(({ kind }) => kind === "blob");
  expect(fetched).toEqual([]);
  expect(await showing(zstd)).toEqual(["a"]);
});

it("two platforms of an image share the layers that both have, until neither needs them", async () => {
  const images = [];
  for (const [architecture, own] of [
    ["amd64", 2_000],
    ["arm64", 3_000],
  ] as const) {
    const platform = { os: "linux", architecture };
    images.push(await buildImage(registry, REPOSITORY, { layers: [9_000, own], platform }));
  }
  buildIndex(registry, REPOSITORY, { tag: "v1", images });
  const name = `${registry.host}/${REPOSITORY}:v1`;
  await engine.pull(name, { allPlatforms: true });
  expect(layersHere()).toHaveLength(3);
  for (const [platform, size] of [
    ["linux/amd64", 2_000],
    ["linux/arm64", 3_000],
  ] as const) {
    const made = await mkdtemp(join(directory, "made-"));
    await engine.assemble(name, made, { platform });
    expect(readdirSync(made)).toEqual(["layer-0", "layer-1"]);
    expect(statSync(join(made, "layer-1")).size).toBe(size);
  }
  await engine.remove(name);
  expect(layersHere()).toEqual([]);
});

it("layers that may not be handed on are unpacked as others are", async () => {
  const foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
  const { config, layers } = await putImage(registry, { repository: REPOSITORY, tag: "own" }, [
    layer(archiveOf("a")),
    layer(archiveOf("b")),
  ]);
  const type = "application/vnd.docker.distribution.manifest.v2+json";
  const manifest = {
    schemaVersion: 2,
    mediaType: type,
    config: { ...config, mediaType: "application/vnd.docker.container.image.v1+json" },
    layers: layers.map(({ descriptor }) => ({
      ...descriptor,
      mediaType: foreign,
      urls: ["https://example.com/never-asked"],
    })),
  };
  registry.putManifest(REPOSITORY, "v1", Buffer.from(JSON.stringify(manifest)), type);
  await expectShown(`${registry.host}/${REPOSITORY}:v1`, ["a", "b"]);
});
