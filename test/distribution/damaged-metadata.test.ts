import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openNamespaceMetadata } from "../../src/content/namespaces/sqlite-namespace-metadata.ts";
import { digestOf } from "../../src/digest/digest.ts";
import { buildImage, TestRegistry } from "../../src/testing.ts";
import { blobsOn, type Engine, openEngine } from "./support/engine.ts";

let registry: TestRegistry;
let engine: Engine;
let name: string;
beforeEach(async () => {
  registry = await TestRegistry.start();
  engine = await openEngine();
  name = `${registry.host}/team/app`;
  await buildImage(registry, "team/app", { tag: "v1", layers: [5_000] });
  await buildImage(registry, "team/app", { tag: "v2", layers: [6_000] });
  await engine.pull(`${name}:v1`);
});
afterEach(async () => {
  await engine[Symbol.asyncDispose]();
  await registry.close();
});

/** Everything that needs no more of the metadata than hints. */
async function useEverything(used: Engine): Promise<void> {
  const { target } = await used.images.get(`${name}:v1`);
  expect(await used.sizeOf(target)).toBeGreaterThan(5_000);
  await used.pull(`${name}:v1`);
  await used.pull(`${name}:v2`);
  await used.export(`${name}:v1`, join(used.root, "export.tar"));
  await used.remove(`${name}:v1`);
  expect((await used.images.list()).map((image) => image.name)).toEqual([`${name}:v2`]);
}

describe("a root whose meta.db", () => {
  it("is garbage is used without the hints that were in it", async () => {
    await engine.close();
    await writeFile(join(engine.root, "meta.db"), randomBytes(8192));
    await using reopened = await openEngine({ root: engine.root });
    await useEverything(reopened);
    expect(await blobsOn(engine.root)).toHaveLength(3);
  });

  it.each<[string, (path: string) => unknown]>([
    ["a named pipe", (path) => execFileSync("mkfifo", [path])],
    ["a directory with something in it", (path) => mkdir(join(path, "inside"), { recursive: true })],
    ["a link to a device", (path) => symlink("/dev/zero", path)],
  ])("is %s is used and checked as one that is garbage", async (_, make) => {
    await engine.close();
    for (const suffix of ["", "-wal", "-shm"])
      await rm(join(engine.root, `meta.db${suffix}`), { force: true });
    await make(join(engine.root, "meta.db"));
    await using reopened = await openEngine({ root: engine.root });
    expect(await reopened.check()).toMatchObject({ whole: true });
    await useEverything(reopened);
    expect((await readdir(engine.root)).filter((file) => file.startsWith("meta.db.damaged-"))).toHaveLength(
      1,
    );
  });

  it("is garbage and knew of namespaces loses names only, until the damaged file is removed", async () => {
    const metadata = openNamespaceMetadata({ root: engine.root });
    await metadata.add("team", digestOf("theirs"), { labels: {}, found: false });
    metadata.close();
    await engine.close();
    await writeFile(join(engine.root, "meta.db"), randomBytes(8192));
    await using reopened = await openEngine({ root: engine.root });
    await reopened.pull(`${name}:v2`);
    await reopened.remove(`${name}:v1`);
    expect(await blobsOn(engine.root)).toHaveLength(6);
    const damaged = (await readdir(engine.root)).filter((file) => file.startsWith("meta.db.damaged-"));
    for (const file of damaged) await rm(join(engine.root, file));
    await reopened.prune({ minAgeMs: 0 });
    expect(await blobsOn(engine.root)).toHaveLength(3);
  });

  it("is locked by somebody is used without waiting for him at each blob", async () => {
    const admin = new DatabaseSync(join(engine.root, "meta.db"));
    admin.exec("BEGIN IMMEDIATE");
    try {
      await useEverything(engine);
    } finally {
      admin.close();
    }
  });
});
