import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ErrFailedPrecondition, ErrNotFound } from "../../src/errors.ts";
import type { Digest, PullOptions } from "../../src/index.ts";
import { type BuiltImage, buildImage, TestRegistry } from "../../src/testing.ts";
import { blobsOn, type Engine, failureOf, indexOn, openEngine } from "./support/engine.ts";

const LIGHT: PullOptions = { keepBlobs: false };

let registry: TestRegistry;
let image: BuiltImage;
/** Of which the lowest layer is the same. */
let other: BuiltImage;
let name: string;
let otherName: string;
let directory: string;
let engine: Engine;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "drayage-blobs-"));
  registry = await TestRegistry.start();
  image = await buildImage(registry, "team/app", { tag: "v1", layers: [70_000, 500] });
  other = await buildImage(registry, "team/other", { tag: "v1", layers: [70_000, 600] });
  name = `${registry.host}/team/app:v1`;
  otherName = `${registry.host}/team/other:v1`;
  engine = await openEngine({ layers: true });
});

afterEach(async () => {
  await engine[Symbol.asyncDispose]();
  await registry.close();
  await rm(directory, { recursive: true, force: true });
});

const layersOf = ({ layers }: BuiltImage): Digest[] => layers.map(({ descriptor }) => descriptor.digest);
const documentsOf = ({ descriptor, config }: BuiltImage): Digest[] => [descriptor.digest, config.digest];
const sorted = (digests: readonly string[]): string[] => [...new Set(digests)].toSorted();

/** Requests for blobs of layers while `work` runs. */
async function fetchedBy(work: () => Promise<unknown>): Promise<string[]> {
  const before = registry.requests.length;
  await work();
  const asked = registry.requests
    .slice(before)
    .filter(({ kind, method }) => kind === "blob" && method === "GET");
  const layers = new Set([...layersOf(image), ...layersOf(other)]);
  return [...layers].filter((digest) => asked.some(({ path }) => path.includes(digest)));
}

describe("a pull that keeps no blobs", () => {
  it("leaves documents and unpacked layers", async () => {
    await engine.pull(name, LIGHT);
    expect(await blobsOn(engine.root)).toEqual(sorted(documentsOf(image)));
    const rootfs = join(directory, "rootfs");
    await engine.assemble(name, rootfs);
    expect(await readFile(join(rootfs, "layer-0"))).toHaveLength(70_000);
  });

  it("makes layers that survive a power cut, before their blobs go", async () => {
    await engine.pull(name, LIGHT);
    for (const chainId of await readdir(join(engine.root, "layers", "sha256"))) {
      expect(await readdir(join(engine.root, "layers", "sha256", chainId))).toContain("settled");
    }
  });

  it("fetches nothing when it comes again, and all that is missing when blobs are wanted", async () => {
    await engine.pull(name, LIGHT);
    expect(await fetchedBy(() => engine.pull(name, LIGHT))).toEqual([]);
    expect(await blobsOn(engine.root)).toEqual(sorted(documentsOf(image)));
    expect(await fetchedBy(() => engine.pull(name))).toEqual(layersOf(image));
    expect(await blobsOn(engine.root)).toEqual(sorted([...documentsOf(image), ...layersOf(image)]));
    await engine.prune({ minAgeMs: 0 });
    expect(await blobsOn(engine.root)).toHaveLength(4);
  });

  it("drops what an earlier one kept", async () => {
    await engine.pull(name);
    expect(await fetchedBy(() => engine.pull(name, LIGHT))).toEqual([]);
    expect(await blobsOn(engine.root)).toEqual(sorted(documentsOf(image)));
  });

  it("fetches the layers that were lost, and unpacks them", async () => {
    await engine.pull(name, LIGHT);
    await rm(join(engine.root, "layers"), { recursive: true, maxRetries: 10 });
    expect(await fetchedBy(() => engine.pull(name, LIGHT))).toEqual(layersOf(image));
    expect(await blobsOn(engine.root)).toEqual(sorted(documentsOf(image)));
  });

  it("keeps what another name needs, until that is gone", async () => {
    await engine.pull(otherName);
    await engine.pull(name, LIGHT);
    const [shared] = layersOf(image);
    expect(await blobsOn(engine.root)).toEqual(
      sorted([...documentsOf(image), ...documentsOf(other), ...layersOf(other)]),
    );
    await engine.remove(otherName);
    expect(await blobsOn(engine.root)).not.toContain(shared);
    expect(await blobsOn(engine.root)).toEqual(sorted(documentsOf(image)));
  });

  it("takes nothing from work that needs a blob at the same time, in another process", async () => {
    await using beside = await openEngine({ root: engine.root, layers: true });
    for (let round = 0; round < 5; round++) {
      await Promise.all([
        engine.pull(name, LIGHT),
        beside.pull(otherName),
        engine.pull(otherName),
        beside.pull(name, LIGHT),
      ]);
      const here = await blobsOn(engine.root);
      for (const digest of [...documentsOf(other), ...layersOf(other)]) expect(here).toContain(digest);
      expect((await beside.check()).damage).toEqual([]);
      await beside.remove(otherName);
    }
    await engine.prune({ minAgeMs: 0 });
    expect(await blobsOn(engine.root)).toEqual(sorted(documentsOf(image)));
  });

  it("keeps what work in a lease has asked for", async () => {
    const [lowest] = layersOf(image);
    await engine.withLease(async () => {
      await engine.pull(name);
      await engine.content.info(lowest as Digest);
      await engine.pull(name, LIGHT);
      expect(await blobsOn(engine.root)).toContain(lowest);
    });
    expect(await blobsOn(engine.root)).toEqual(sorted(documentsOf(image)));
  });

  it("keeps blobs where not all of it is an image, and says so", async () => {
    await buildImage(registry, "team/bare", {
      tag: "v1",
      layers: [900],
      config: { rootfs: { type: "layers", diff_ids: [] } },
    });
    const bare = `${registry.host}/team/bare:v1`;
    const said: string[] = [];
    await engine.pull(bare, {
      ...LIGHT,
      onProgress: (progress) => progress.kind === "message" && said.push(progress.message),
    });
    expect(said).toContain("Keeping the blobs of the layers: not all of it is unpacked");
    expect(await blobsOn(engine.root)).toHaveLength(3);
  });

  it("is refused where layers are not unpacked", async () => {
    await using plain = await openEngine({ root: engine.root });
    await expect(plain.pull(name, LIGHT)).rejects.toThrow(ErrFailedPrecondition);
    await expect(engine.pull(name, { ...LIGHT, unpack: false })).rejects.toThrow(ErrFailedPrecondition);
  });
});

describe("an image without blobs", () => {
  beforeEach(async () => {
    await engine.pull(name, LIGHT);
  });

  it("is no damage, unless a layer is lost as well: that is fetched", async () => {
    expect(await engine.check()).toMatchObject({ damage: [], whole: true });
    await rm(join(engine.root, "layers"), { recursive: true, maxRetries: 10 });
    const lost = await engine.check();
    expect(lost.whole).toBe(false);
    expect(lost.damage.map(({ digest, problem }) => ({ digest, problem }))).toEqual(
      sorted(layersOf(image)).map((digest) => ({ digest, problem: "missing" })),
    );
    expect((await engine.check({ repair: true })).whole).toBe(true);
    expect(await blobsOn(engine.root)).toHaveLength(4);
    await engine.unpack(name);
  });

  it("is measured, pruned and removed as others are", async () => {
    expect(await engine.diskUsage()).toMatchObject({ layers: { count: 2 }, unreferenced: { count: 0 } });
    const { deleted, layers } = await engine.prune({ minAgeMs: 0 });
    expect([...deleted, ...layers]).toEqual([]);
    expect((await engine.check()).whole).toBe(true);
    await engine.remove(name);
    expect(await blobsOn(engine.root)).toEqual([]);
    expect(await readdir(join(engine.root, "layers", "sha256"))).toEqual([]);
  });

  it("gets other names, which need no blobs either", async () => {
    const copy = `${registry.host}/team/copy:v1`;
    await engine.tag(name, copy);
    await engine.remove(name);
    await engine.prune({ minAgeMs: 0 });
    expect((await engine.check()).whole).toBe(true);
    expect((await engine.unpack(copy)).chainIds).toHaveLength(2);
  });

  it("is listed and extracted from its unpacked layers", async () => {
    const paths: string[] = [];
    for await (const { path } of engine.list(name)) paths.push(path);
    expect(paths).toEqual(["/layer-0", "/layer-1"]);
    await engine.extract(name, join(directory, "files"), { paths: ["layer-1"] });
    expect(await readdir(join(directory, "files"))).toEqual(["layer-1"]);
  });

  it("cannot be exported, and says how its blobs come", async () => {
    const error = await failureOf(engine.export(name, join(directory, "archive.tar")));
    expect(error).toBeInstanceOf(ErrNotFound);
    expect(error.message).toContain(
      `is here only unpacked; ${registry.host}/team/app had it; get it with "drayage pull ${name}"`,
    );
    await engine.pull(name);
    await engine.export(name, join(directory, "archive.tar"));
    expect(await readdir(directory)).toEqual(["archive.tar"]);
  });

  it("is pushed where its registry can mount its layers", async () => {
    const target = `${registry.host}/team/new:v1`;
    const { taken } = await engine.push(name, { target });
    expect(taken.filter(({ how }) => how === "mounted").map(({ digest }) => digest)).toEqual(
      expect.arrayContaining(layersOf(image)),
    );
    await engine.prune({ minAgeMs: 0 });
    await engine.push(name, { target: `${registry.host}/team/newer:v1` });
  });

  it("is pushed where its layers are, and nowhere else: then it says where they can come from", async () => {
    await engine.push(name);
    await using elsewhere = await TestRegistry.start();
    const error = await failureOf(engine.push(name, { target: `${elsewhere.host}/team/app:v1` }));
    expect(error).toBeInstanceOf(ErrNotFound);
    expect(error.message).toMatch(/^push .*: layer sha256:[0-9a-f]{64} is here only unpacked; /);
    expect(error.message).toContain(`${registry.host}/team/app had it; get it with "drayage pull ${name}"`);
    await engine.pull(name);
    await engine.push(name, { target: `${elsewhere.host}/team/app:v1` });
  });

  it("says of a lost layer how it comes", async () => {
    await rm(join(engine.root, "layers"), { recursive: true, maxRetries: 10 });
    const error = await failureOf(engine.unpack(name));
    expect(error).toBeInstanceOf(ErrNotFound);
    expect(error.message).toContain(`get it with "drayage pull ${name}"`);
  });

  it("has what says so in no archive and in no other root", async () => {
    const [entry] = await indexOn(engine.root);
    expect(entry?.annotations).toMatchObject({ "drayage.layers": "unpacked" });
    await using fresh = await openEngine();
    await fresh.pull(name);
    await fresh.import(engine.root).catch(() => []); // its blobs are not there
    const annotations = (await indexOn(fresh.root)).map((each) => Object.keys(each.annotations ?? {}));
    expect(annotations.flat()).not.toContain("drayage.layers");
  });
});
