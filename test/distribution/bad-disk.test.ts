import { mkdtemp, open, readdir, rm, stat, statfs, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { namespacedStore, openNamespaceMetadata, writeBlob } from "../../src/content.ts";
import { ErrFailedPrecondition, ErrResourceExhausted } from "../../src/errors.ts";
import { type BuiltImage, buildImage, TestRegistry } from "../../src/testing.ts";
import { mountSmallDisk, type SmallDisk } from "../content/support/small-disk.ts";
import { layerOf } from "./support/built-image.ts";
import { describeWithMounts, resizeDisk } from "./support/describe-with-mounts.ts";
import { blobsOn, failureOf, namesOn, openEngine } from "./support/engine.ts";
import { asked, gets } from "./support/requests.ts";

const REPOSITORY = "team/app";
const OWN = Buffer.from("what only a namespace has");

let registry: TestRegistry;
let name: string;
let image: BuiltImage;

beforeEach(async () => {
  registry = await TestRegistry.start();
  name = `${registry.host}/${REPOSITORY}:v1`;
  image = await buildImage(registry, REPOSITORY, { tag: "v1", layers: [2_000_000, 1_000] });
});

afterEach(async () => {
  await registry.close();
});

describe("openDistribution() on what is no directory", () => {
  it.each([
    ["is a file", ""],
    ["is below a file", "/below"],
  ])("refuses a root that %s", async (_, suffix) => {
    const parent = await mkdtemp(join(tmpdir(), "drayage-disk-"));
    const file = join(parent, "file");
    await writeFile(file, "not a directory");
    const failure = await failureOf(openEngine({ root: file + suffix }));
    expect(failure).toBeInstanceOf(ErrFailedPrecondition);
    expect(failure.message).toContain(file);
    expect(await readdir(parent)).toEqual(["file"]);
    await rm(parent, { recursive: true });
  });
});

/** Name of a file that takes what space there is. */
const FILLER = "filler";

/** Fills a disk, up to so many KiB. */
async function fill(path: string, leftKib = 0): Promise<void> {
  await using file = await open(join(path, FILLER), "w");
  const page = Buffer.alloc(4_096, 1);
  for (;;) {
    const { bavail, bsize } = await statfs(path);
    if (bavail * bsize <= leftKib * 1_024) return;
    await file.write(page);
  }
}

/** Makes files until there is room for only so many. */
async function useUpFiles(path: string, left: number): Promise<void> {
  const { ffree } = await statfs(path);
  for (let number = left; number < ffree; number++) await writeFile(join(path, `${FILLER}${number}`), "");
}

describeWithMounts("pull() to a disk", () => {
  let disk: SmallDisk;

  beforeEach(async () => {
    disk = await mountSmallDisk(16_384);
  });

  afterEach(async () => {
    await disk.dispose();
  });

  it("that is read-only fails before content is asked for, and what is there can be read", async () => {
    await using writable = await openEngine({ root: disk.path });
    const { images } = await writable.pull(name);
    await writable.close();
    await disk.makeReadOnly();
    await buildImage(registry, REPOSITORY, { tag: "v2", layers: [3_000] });
    const before = asked(registry).length;

    await using engine = await openEngine({ root: disk.path });
    const next = `${registry.host}/${REPOSITORY}:v2`;
    for (const attempt of [() => engine.pull(next), () => engine.remove(name)]) {
      const failure = await failureOf(attempt());
      expect(failure).toBeInstanceOf(ErrFailedPrecondition);
      expect(failure.message).toMatch(/: read-only file system$/);
    }

    expect(asked(registry).slice(before)).toEqual(["GET manifest"]);
    const target = images[0]?.target ?? image.descriptor;
    expect(await engine.images.get(name)).toMatchObject({ target });
    expect(await engine.sizeOf(target)).toBeGreaterThan(2_000_000);
  });

  it("that is read-only and has no locks can be exported and pushed from", async () => {
    await using writable = await openEngine({ root: disk.path });
    await writable.pull(name);
    await writable.close();
    await rm(join(disk.path, "locks"), { recursive: true });
    await disk.makeReadOnly();

    await using engine = await openEngine({ root: disk.path });
    const archive = join(await mkdtemp(join(tmpdir(), "drayage-out-")), "image.tar");
    await engine.export(name, archive);
    expect((await stat(archive)).size).toBeGreaterThan(2_000_000);
    await rm(dirname(archive), { recursive: true });
    const target = `${registry.host}/${REPOSITORY}-copy:v1`;
    expect((await engine.push(name, { target })).images).toMatchObject([
      { target: { digest: image.descriptor.digest } },
    ]);
    expect((await engine.diskUsage()).content.count).toBe(4);
  });

  it("that is read-only and empty cannot be opened", async () => {
    await disk.makeReadOnly();
    const failure = await failureOf(openEngine({ root: disk.path }));
    expect(failure).toBeInstanceOf(ErrFailedPrecondition);
    expect(failure.message).toMatch(/: read-only file system$/);
  });

  it("that is full stops at once, and goes on from there when there is space", async () => {
    await using mirror = await TestRegistry.start();
    await buildImage(mirror, REPOSITORY, { tag: "v1", layers: [2_000_000, 1_000] });
    await using engine = await openEngine({
      root: disk.path,
      registry: { mirrors: { [registry.host]: [mirror.url] } },
      ranges: false, // of which each would be where it is
    });
    const { digest, size } = layerOf(image);
    resizeDisk(disk.path, 1_024);

    const failure = await failureOf(engine.pull(name));

    expect(failure).toBeInstanceOf(ErrResourceExhausted);
    expect(failure.message).toMatch(/: no space left on device$/);
    expect(gets(mirror, digest)).toHaveLength(1);
    expect(registry.requests).toEqual([]);
    expect(await namesOn(engine.root)).toEqual([]);
    await blobsOn(engine.root);
    const statuses = await engine.content.listStatuses();
    const partial = statuses.find(({ ref }) => ref.endsWith(digest));
    expect(partial).toMatchObject({ total: size });
    expect(partial?.offset).toBeGreaterThan(100_000);

    resizeDisk(disk.path, 16_384);
    await engine.pull(name);

    const [, rest, ...more] = gets(mirror, digest);
    expect(more).toEqual([]);
    expect(rest).toMatchObject({ status: 206, range: `bytes=${partial?.offset}-` });
    expect(await blobsOn(engine.root)).toHaveLength(4);
  });

  it("that is full can be emptied by removing an image", async () => {
    await using engine = await openEngine({ root: disk.path });
    await engine.pull(name);
    await fill(disk.path);
    const { deleted } = await engine.remove(name);
    expect(deleted.length).toBeGreaterThan(2);
    expect(await namesOn(engine.root)).toEqual([]);
    expect(await blobsOn(engine.root)).toEqual([]);
    await rm(join(disk.path, FILLER));
    await engine.pull(name);
    expect(await namesOn(engine.root)).toEqual([name]);
  });

  it("that is full can be looked at and checked by another process", async () => {
    await using first = await openEngine({ root: disk.path });
    await first.pull(name);
    using metadata = openNamespaceMetadata({ root: disk.path });
    await writeBlob(namespacedStore(first.content, metadata, { namespace: "team" }), "own", OWN);
    metadata.close();
    await first.close(); // and the side files of its database are gone
    await fill(disk.path);
    await using engine = await openEngine({ root: disk.path });
    expect(await engine.diskUsage()).toMatchObject({ images: [{ name }] });
    expect(await engine.check()).toMatchObject({ damage: [], whole: true });
    expect(await engine.prune({ dryRun: true, minAgeMs: 0 })).toMatchObject({ deleted: [] });
  });

  it.each([0, 1, 2, 5])("that has room for %i files can be emptied by another process", async (left) => {
    const small = await mountSmallDisk(16_384, 600);
    await using first = await openEngine({ root: small.path });
    const names: string[] = [];
    for (const tag of ["many1", "many2"]) {
      const layers = Array.from({ length: 60 }, (_, layer) => Buffer.from(`${tag} ${layer}`));
      await buildImage(registry, REPOSITORY, { tag, layers });
      names.push((await first.pull(`${registry.host}/${REPOSITORY}:${tag}`)).reference);
    }
    await first.close();
    await useUpFiles(small.path, left);
    await using engine = await openEngine({ root: small.path });
    for (const each of names) await engine.remove(each);
    await engine.prune({ minAgeMs: 0 });
    expect(await namesOn(small.path)).toEqual([]);
    expect(await blobsOn(small.path)).toEqual([]);
    await engine.close();
    await small.dispose();
  });

  it("that is full can be emptied of one image after the other while work keeps all of it", async () => {
    await using engine = await openEngine({ root: disk.path });
    const names: string[] = [];
    for (const tag of ["many1", "many2", "many3"]) {
      const layers = Array.from({ length: 60 }, (_, layer) => Buffer.from(`${tag} ${layer}`));
      await buildImage(registry, REPOSITORY, { tag, layers });
      names.push((await engine.pull(`${registry.host}/${REPOSITORY}:${tag}`)).reference);
    }
    await engine.withLease(async () => {
      await fill(disk.path);
      for (const each of names) expect(await engine.remove(each)).toMatchObject({ kept: true });
    });
    expect(await namesOn(engine.root)).toEqual([]);
    expect(await blobsOn(engine.root)).toEqual([]);
  });

  it.each([0, 4, 12, 20, 40])("that has %i KiB left can be emptied by another process", async (kib) => {
    await using first = await openEngine({ root: disk.path });
    await first.pull(name);
    await first.close(); // and the side files of its database are gone
    await fill(disk.path, kib);
    await using engine = await openEngine({ root: disk.path });
    await engine.remove(name);
    expect(await namesOn(engine.root)).toEqual([]);
    expect(await blobsOn(engine.root)).toEqual([]);
  });
});
