import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Digest, openNamespaceMetadata } from "../../src/content.ts";
import type { CheckResult } from "../../src/index.ts";
import { type BuiltImage, buildImage, buildIndex, TestRegistry } from "../../src/testing.ts";
import { DAMAGE_KINDS, type DamageKind, damage } from "../content/support/damage.ts";
import { digestsOf, layerOf } from "./support/built-image.ts";
import { blobsOn, type Engine, failureOf, openEngine } from "./support/engine.ts";
import { until } from "./support/until.ts";

let registry: TestRegistry;
let engine: Engine;
beforeEach(async () => {
  registry = await TestRegistry.start();
  engine = await openEngine();
});
afterEach(async () => {
  await engine[Symbol.asyncDispose]();
  await registry.close();
});

async function pulled(repository: string, layers: readonly number[] = [5_000, 3_000]): Promise<BuiltImage> {
  const image = await buildImage(registry, repository, { tag: "v1", layers });
  await engine.pull(`${registry.host}/${repository}:v1`);
  return image;
}

/** Runs `work` and returns the digests that were asked for meanwhile, sorted, as often as they were. */
async function askedDuring(work: () => Promise<unknown>): Promise<readonly string[]> {
  const before = registry.requests.length;
  await work();
  return registry.requests
    .slice(before)
    .filter(({ kind }) => kind !== "ping" && kind !== "token")
    .map(({ digest, reference }) => digest ?? reference ?? "")
    .toSorted();
}

function problems({ damage: found }: CheckResult): ReadonlyArray<readonly [Digest, string]> {
  return found.map(({ digest, problem }) => [digest, problem]);
}

describe("check()", () => {
  it("finds nothing in a root that is whole, and asks nobody", async () => {
    const image = await pulled("team/app");
    const asked = await askedDuring(async () => {
      const result = await engine.check({ repair: true });
      expect(result).toMatchObject({ damage: [], whole: true, checked: { count: digestsOf(image).length } });
      expect(result.checked.bytes).toBeGreaterThan(8_000);
    });
    expect(asked).toEqual([]);
  });

  it.each(DAMAGE_KINDS)(
    "names ten blobs of every kind that were %s, and heals them and nothing else",
    async (kind) => {
      const images = await Promise.all(
        Array.from({ length: 10 }, (_, at) => pulled(`team/app${at}`, [900 + at, 700 + at])),
      );
      const whole = await pulled("team/whole", [1_234]);
      const bad = images.flatMap((image) => [
        image.descriptor.digest,
        image.config.digest,
        layerOf(image).digest,
      ]);
      const distinct = [...new Set(bad)].toSorted();
      for (const digest of distinct) await damage(engine.root, digest, kind);

      const asked = await askedDuring(async () => {
        const found = await engine.check();
        expect(found.whole).toBe(false);
        const named = found.damage.map(({ digest }) => digest);
        // What is below a manifest that is gone is known again when the manifest is.
        const manifests = images.map((image) => image.descriptor.digest).toSorted();
        expect(named).toEqual(kind === "removed" ? manifests : distinct);
        const ofManifests = found.damage.filter(({ digest }) => manifests.includes(digest));
        expect(ofManifests.flatMap((one) => one.images)).toHaveLength(10);
      });
      expect(asked).toEqual([]);
      await engine.export(`${registry.host}/team/whole:v1`, join(engine.root, "whole.tar"));
      expect((await engine.images.list()).length).toBe(11);

      const fetched = await askedDuring(async () => {
        const healed = await engine.check({ repair: true });
        expect(healed.whole).toBe(true);
        expect(problems(healed)).toEqual(distinct.map((digest) => [digest, "missing"]));
        expect(healed.damage.every(({ repaired }) => repaired)).toBe(true);
      });
      expect(fetched).toEqual(distinct);
      expect(await blobsOn(engine.root)).toEqual(digestsOf(...images, whole));
      expect(await readdir(join(engine.root, "damaged")).catch(() => [])).toEqual([]);
      expect(await engine.check()).toMatchObject({ damage: [], whole: true });
    },
  );

  it("names what it contains as damaged, by the images that need it", async () => {
    const image = await pulled("team/app");
    const { digest } = layerOf(image);
    await engine.tag(`${registry.host}/team/app:v1`, "copy:v1");
    await damage(engine.root, digest, "flipped");
    const { damage: found } = await engine.check({ repair: true });
    const images = ["docker.io/library/copy:v1", `${registry.host}/team/app:v1`].toSorted();
    expect(found).toEqual([
      { digest, problem: "damaged", images, needed: true, contained: true, repaired: true },
    ]);
    expect((await engine.content.info(digest)).labels).toMatchObject({
      "containerd.io/distribution.source.127.0.0.1": "team/app",
    });
  });

  it("finds the image of an index that was pulled, and misses no other", async () => {
    const images = await Promise.all(
      ["amd64", "arm64"].map((architecture) =>
        buildImage(registry, "team/multi", { layers: [1_000], platform: { os: "linux", architecture } }),
      ),
    );
    buildIndex(registry, "team/multi", { tag: "v1", images });
    await engine.pull(`${registry.host}/team/multi:v1`, { platform: "linux/arm64" });
    const [, arm] = images;
    if (!arm) throw new TypeError("no image");
    expect(await engine.check()).toMatchObject({ damage: [], whole: true });
    await damage(engine.root, arm.descriptor.digest, "removed");
    const fetched = await askedDuring(async () => {
      expect(problems(await engine.check({ repair: true }))).toEqual([[arm.descriptor.digest, "missing"]]);
    });
    expect(fetched).toEqual([arm.descriptor.digest]);
  });

  it("says what it could not fetch, and why", async () => {
    const image = await pulled("team/app");
    const { digest } = layerOf(image);
    await damage(engine.root, digest, "cut");
    await registry.close();
    const result = await engine.check({ repair: true });
    expect(result).toMatchObject({
      whole: false,
      damage: [{ digest, problem: "damaged", needed: true, contained: true, repaired: false }],
    });
    expect(result.damage[0]?.error).toBeInstanceOf(Error);
  });

  it("is whole again without content that is damaged and that nobody needs", async () => {
    const writer = await engine.content.writer({ ref: "r" });
    await writer.write(Buffer.from("nobody's"));
    const digest = await writer.commit();
    await damage(engine.root, digest, "flipped");
    expect(await engine.check()).toMatchObject({
      whole: true,
      damage: [{ digest, images: [], needed: false, contained: true, repaired: false }],
    });
    expect(await readdir(join(engine.root, "damaged"))).toHaveLength(1);
  });

  it("tells how far it is, and stops when it is told to", async () => {
    await pulled("team/app", [500_000]);
    const lines: string[] = [];
    await engine.check({ onProgress: (step) => lines.push(JSON.stringify(step)) });
    await until(() => lines.some((line) => line.includes("Verifying")));
    const aborted = AbortSignal.abort();
    expect(await failureOf(engine.check({ signal: aborted }))).toMatchObject({ name: "ErrCanceled" });
  });
});

describe("check() of what only a namespace holds", () => {
  it.each(DAMAGE_KINDS)("finds and fetches what was %s, by the namespace's own labels", async (kind) => {
    const other = await pulled("team/other", [1_000]);
    const image = await pulled("team/app");
    const digests = digestsOf(image).toSorted();
    using metadata = openNamespaceMetadata({ root: engine.root });
    const labels = { "containerd.io/distribution.source.127.0.0.1": "team/app" };
    for (const digest of digests) await metadata.add("k8s.io", digest, { labels, found: true });
    await engine.remove(`${registry.host}/team/app:v1`);
    expect(await engine.check()).toMatchObject({ damage: [], whole: true });
    for (const digest of digests) await damage(engine.root, digest, kind);

    const found = await engine.check();
    expect(found.whole).toBe(false);
    expect(found.damage.map(({ digest }) => digest)).toEqual(digests);
    expect(found.damage.every(({ needed, images }) => needed && images.length === 0)).toBe(true);
    const repaired = await engine.check({ repair: true });
    expect(repaired.damage.map(({ repaired: done }) => done)).toEqual(digests.map(() => true));
    expect(repaired.whole).toBe(true);
    expect(await blobsOn(engine.root)).toEqual([...digests, ...digestsOf(other)].toSorted());
  });
});

describe("every command beside damage", () => {
  it.each(DAMAGE_KINDS)(
    "works for what is whole when a manifest was %s, and names what is not",
    async (kind: DamageKind) => {
      const bad = await pulled("team/bad");
      await pulled("team/good", [2_000]);
      const [badName, goodName] = [`${registry.host}/team/bad:v1`, `${registry.host}/team/good:v1`];
      await damage(engine.root, bad.descriptor.digest, kind);
      await engine.export(goodName, join(engine.root, "good.tar"));
      const failure = await failureOf(engine.export(badName, join(engine.root, "bad.tar")));
      expect(failure.message).toContain(bad.descriptor.digest);
      expect((await engine.images.list()).map(({ name }) => name)).toEqual([badName, goodName]);
      expect(await engine.sizeOf((await engine.images.get(goodName)).target)).toBeGreaterThan(2_000);
      await engine.tag(goodName, "copy:v1");
      await engine.diskUsage();
      await engine.remove(goodName);
      await engine.remove("copy:v1");
      await engine.remove(badName);
      expect(await engine.images.list()).toEqual([]);
    },
  );
});
