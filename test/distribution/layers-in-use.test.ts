import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Digest } from "../../src/digest/digest.ts";
import { lockFile } from "../../src/disk/file-lock.ts";
import { chainIds } from "../../src/oci/chain-id.ts";
import { type BuiltImage, buildImage, TestRegistry } from "../../src/testing.ts";
import { type Engine, openEngine } from "./support/engine.ts";
import { until } from "./support/until.ts";

let registry: TestRegistry;
let engine: Engine;
/** Another process on the same root, as far as the root can tell. */
let other: Engine;
const images = new Map<string, BuiltImage>();

beforeEach(async () => {
  registry = await TestRegistry.start();
  engine = await openEngine({ layers: true });
  other = await openEngine({ root: engine.root });
  for (const [index, image] of ["first", "second", "third"].entries())
    images.set(image, await buildImage(registry, image, { tag: "v1", layers: [700 + index, 90] }));
});

afterEach(async () => {
  await other.close();
  await engine[Symbol.asyncDispose]();
  await registry.close();
});

const nameOf = (image: string): string => `${registry.host}/${image}:v1`;
const chainOf = (image: string): Digest[] =>
  chainIds(images.get(image)?.layers.map(({ diffId }) => diffId) ?? []).toSorted();

async function layersHere(): Promise<readonly string[]> {
  const names = await readdir(join(engine.root, "layers", "sha256"));
  return names.map((hex) => `sha256:${hex}`).toSorted();
}

/** Resolves when the image has no layer any more. */
async function withoutLayersOf(image: string): Promise<void> {
  const chain = chainOf(image);
  await until(async () => (await layersHere()).every((chainId) => !chain.includes(chainId as Digest)));
}

/** Who keeps layers. */
async function usersHere(): Promise<readonly string[]> {
  const folder = join(engine.root, "layers", "uses");
  const names = (await readdir(folder)).filter((name) => !name.endsWith(".tmp"));
  const texts = names.map((name) => readFile(join(folder, name), "utf8"));
  return (await Promise.all(texts)).map((text) => JSON.parse(text).user);
}

/** Work that goes on until it is told to end. */
async function beginWork(by: Engine): Promise<() => Promise<void>> {
  const [begun, end] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const ended = by.withLease(async () => {
    begun.resolve();
    await end.promise;
  });
  await begun.promise;
  return async () => {
    end.resolve();
    await ended;
  };
}

describe("layers that are swept while others work", () => {
  it("stay with the image that a pull is about to name", async () => {
    await engine.pull(nameOf("first"));
    const endOlder = await beginWork(other);
    await other.remove(nameOf("first")); // goes with the older work, when the pull is under way
    const index = await lockFile(join(engine.root, "locks", "index"));
    const pulled = engine.pull(nameOf("second"), { keepBlobs: false });
    const user = `image:${images.get("second")?.config.digest}`;
    await until(async () => (await usersHere()).includes(user));
    await endOlder();
    await withoutLayersOf("first");
    index();
    await pulled;
    expect(await usersHere()).toEqual([user]);
    await engine.pull(nameOf("third"));
    await other.remove(nameOf("third"));
    expect(await layersHere()).toEqual(chainOf("second"));
  });

  it("stay with an image that lost its name as long as work may build on it", async () => {
    await engine.pull(nameOf("first"));
    await engine.pull(nameOf("second"), { keepBlobs: false });
    const endOlder = await beginWork(other);
    await other.remove(nameOf("first"));
    const endYounger = await beginWork(engine);
    await other.remove(nameOf("second"));
    await endOlder();
    await withoutLayersOf("first");
    expect(await layersHere()).toEqual(chainOf("second"));
    await endYounger();
    await withoutLayersOf("second");
    expect(await usersHere()).toEqual([]);
  });

  it("stay with an image whose config was lost, as long as it has a name", async () => {
    await engine.pull(nameOf("first"));
    await engine.pull(nameOf("second"));
    await rm(join(engine.root, "blobs", images.get("second")?.config.digest.replace(":", "/") ?? ""));
    await other.remove(nameOf("first"));
    expect(await layersHere()).toEqual(chainOf("second"));
  });
});
