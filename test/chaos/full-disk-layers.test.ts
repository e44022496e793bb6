import { execFileSync, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { digestOf } from "../../src/content.ts";
import { isResourceExhausted } from "../../src/errors.ts";
import { type Distribution, openDistribution } from "../../src/index.ts";
import { DEFAULT_LIMITS, findAbilities, type UnpackJob, UnpackPool } from "../../src/layer.ts";
import { buildImage, TestRegistry } from "../../src/testing.ts";
import { canMount, mountSmallDisk } from "../content/support/small-disk.ts";
import { describeWithMounts, resizeDisk } from "../distribution/support/describe-with-mounts.ts";
import { putImage } from "../distribution/support/put-image.ts";
import { writeTestTar } from "../tar/support/tar-writer.ts";
import { rootViolations } from "./support/invariants.ts";
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
      await using disk = await mountSmallDisk(kib);
      await using engine = await openDistribution({
        root: disk.path,
        layers: true,
        registry: { plainHttp: true },
      });
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

/** How much of an ext4 is left, in KiB: it gives room to files only when they are written to the disk. */
const LEFT_KIB = [0, 700, 3_000, 8_000];

const EXT4_MIB = 32;

const FILES = Array.from({ length: 60 }, (_, at) => ({
  name: `d${at % 7}/f${at}`,
  content: randomBytes(20_000),
}));

describe.runIf(canMakeExt4())("an ext4 that is nearly full while layers are unpacked", () => {
  it("keeps what is whole, says so, and takes the rest when there is room", {
    timeout: 120_000,
  }, async () => {
    await using registry = await TestRegistry.start();
    const name = `${registry.host}/team/app:v1`;
    await putImage(registry, { repository: "team/app", tag: "v1" }, [FILES.slice(0, 20), FILES.slice(20)]);
    await using disk = await mountExt4();
    let refused = 0;
    for (const kib of LEFT_KIB) {
      const root = join(disk.path, `left-${kib}`);
      const open = (): Promise<Distribution> =>
        openDistribution({ root, layers: true, registry: { plainHttp: true } });
      await (await open()).close();
      fill(join(disk.path, "filler"), kib);
      await using engine = await open();
      await engine.pull(name, { platform: "linux/amd64" }).catch((error: unknown) => {
        refused++;
        expect([kib, error, isResourceExhausted(error)]).toEqual([kib, error, true]);
      });
      await engine.close();
      rmSync(join(disk.path, "filler"));
      await using next = await open();
      await next.prune();
      expect([kib, ...rootViolations(root), ...layerLeftovers(root)]).toEqual([kib]);
      const here = new Set<string>();
      for await (const { digest } of next.content.walk({})) here.add(digest);
      const before = registry.requests.length;
      await next.pull(name, { platform: "linux/amd64" });
      const asked = registry.requests.slice(before).filter(({ kind }) => kind === "blob");
      expect(asked.filter(({ path }) => [...here].some((digest) => path.endsWith(digest)))).toEqual([]);
      await next.assemble(name, join(root, "out"), { platform: "linux/amd64" });
      for (const { name: file, content } of FILES)
        expect(readFileSync(join(root, "out", file)).equals(content)).toBe(true);
      await next.close();
      rmSync(root, { recursive: true });
    }
    expect(refused).toBeGreaterThan(1);
    expect(refused).toBeLessThan(LEFT_KIB.length);
  });
});

/** An ext4 of its own. Disposing of it needs that nothing in it is open. */
async function mountExt4(): Promise<AsyncDisposable & { readonly path: string }> {
  const folder = await makeRoot();
  const path = join(folder.path, "disk");
  const script =
    'truncate -s "$1" "$2.img" && mkfs.ext4 -q "$2.img" && mkdir "$2" && mount -o loop "$2.img" "$2"';
  execFileSync("sh", ["-c", script, "sh", `${EXT4_MIB}M`, path]);
  return {
    path,
    async [Symbol.asyncDispose]() {
      execFileSync("umount", [path]);
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Takes what room there is, but for so many KiB. */
function fill(path: string, leftKib: number): void {
  const fd = openSync(path, "w");
  try {
    const piece = Buffer.alloc(64 * 1024, 1);
    for (;;) {
      const { bfree, bsize } = statfsSync(path); // root may take what is reserved
      const room = bfree * bsize - leftKib * 1024;
      if (room < bsize) break;
      writeSync(fd, piece, 0, Math.min(piece.byteLength, room));
      fsyncSync(fd);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  } finally {
    closeSync(fd);
  }
}

function canMakeExt4(): boolean {
  if (canMount && spawnSync("sh", ["-c", "command -v mkfs.ext4 && losetup -f"]).status === 0) return true;
  process.stderr.write("skipped: a full ext4, for want of mkfs.ext4 or the right to mount\n");
  return false;
}
