import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { digestOf } from "../../src/content.ts";
import { isResourceExhausted } from "../../src/errors.ts";
import { openDistribution } from "../../src/index.ts";
import { DEFAULT_LIMITS, findAbilities, type UnpackJob, UnpackPool } from "../../src/layer.ts";
import { buildImage, TestRegistry } from "../../src/testing.ts";
import { mountSmallDisk } from "../content/support/small-disk.ts";
import { describeWithMounts, resizeDisk } from "../distribution/support/describe-with-mounts.ts";
import { writeTestTar } from "../tar/support/tar-writer.ts";
import { chainOf, layerLeftovers, layerViolations } from "./support/layer-violations.ts";
import { makeRoot } from "./support/round.ts";

/** Sizes of the disk, in KiB: with the first nothing fits, with the last nearly all of the image and its layers. */
const SIZES = Array.from({ length: 14 }, (_, step) => 100 + step * 120);

const ROOMY_KIB = 32_768;

const LAYERS = [150_000, 2_000, 180_000];

/** More than there is room for between two threads. */
const BIG_BYTES = 16 * 1024 * 1024;

describeWithMounts("a disk that is full while layers are unpacked", () => {
  it("keeps what is whole, says so, and takes the rest when there is room", {
    timeout: 120_000,
  }, async () => {
    await using registry = await TestRegistry.start();
    const image = await buildImage(registry, "team/app", { tag: "v1", layers: LAYERS });
    const name = `${registry.host}/team/app:v1`;
    const wanted = new Map(
      chainOf(image).map((chainId, at) => [chainId, { name: `layer-${at}`, bytes: LAYERS[at] ?? 0 }]),
    );
    const images = new Map([[name, image]]);
    let refused = 0;
    for (const kib of SIZES) {
      const disk = await mountSmallDisk(kib);
      const engine = await openDistribution({ root: disk.path, layers: true, registry: { plainHttp: true } });
      await engine.pull(name, { platform: "linux/amd64" }).catch((error: unknown) => {
        refused++;
        expect([kib, isResourceExhausted(error)]).toEqual([kib, true]);
      });
      expect([kib, ...layerViolations(disk.path, wanted, images)]).toEqual([kib]);
      resizeDisk(disk.path, ROOMY_KIB);
      await engine.pull(name, { platform: "linux/amd64" });
      await engine.prune({ minAgeMs: 0 });
      expect([kib, ...layerViolations(disk.path, wanted, images)]).toEqual([kib]);
      await engine.close();
      expect([kib, ...layerLeftovers(disk.path)]).toEqual([kib]);
      await disk.dispose();
    }
    expect(refused).toBeGreaterThan(0);
    expect(refused).toBeLessThan(SIZES.length);
  });

  it("ends both threads of a layer, and they do the next one", { timeout: 60_000 }, async () => {
    const disk = await mountSmallDisk(4_096);
    await using folder = await makeRoot();
    const archive = writeTestTar([{ name: "big", content: Buffer.alloc(BIG_BYTES) }]);
    const blobPath = join(folder.path, "blob");
    writeFileSync(blobPath, archive);
    const host = await findAbilities(disk.path);
    const into = (directory: string): UnpackJob => {
      mkdirSync(directory);
      const diffId = digestOf(archive);
      return { blobPath, size: archive.byteLength, diffId, directory, limits: DEFAULT_LIMITS, host };
    };
    await using pool = new UnpackPool({ workers: 2, splitFrom: 0 });
    const full: unknown = await pool.unpack(into(join(disk.path, "fs"))).catch((error: unknown) => error);
    expect(isResourceExhausted(full)).toBe(true);
    await disk.dispose();
    expect(await pool.unpack(into(join(folder.path, "fs")))).toMatchObject({ entries: 1 });
  });
});
