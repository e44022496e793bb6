import { readdirSync, readFileSync, statSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Digest, digestOf, encodedOf } from "../../src/digest/digest.ts";
import { ErrCanceled, ErrDataLoss, ErrInvalidArgument, ErrResourceExhausted } from "../../src/errors.ts";
import {
  type BuiltImage,
  buildImage,
  type Fault,
  type FaultAction,
  TestRegistry,
} from "../../src/testing.ts";
import { mountSmallDisk } from "../content/support/small-disk.ts";
import { writeTestTar } from "../tar/support/tar-writer.ts";
import { layerOf } from "./support/built-image.ts";
import { describeWithMounts } from "./support/describe-with-mounts.ts";
import { OCI, putBlob, putManifest } from "./support/documents.ts";
import { type Engine, failureOf, openEngine } from "./support/engine.ts";
import { spawnPull } from "./support/spawn-pull.ts";
import { statusLog } from "./support/status-lines.ts";
import { until } from "./support/until.ts";
import { wantLayer } from "./support/wants.ts";

const REPOSITORY = "team/app";

/** Bytes of the only layer, which do not get fewer by compression. */
const LAYER_BYTES = 4_000_000;

let registry: TestRegistry;
let image: BuiltImage;
let digest: Digest;
let name: string;
let engine: Engine;

beforeEach(async () => {
  registry = await TestRegistry.start();
  image = await buildImage(registry, REPOSITORY, { tag: "v1", layers: [LAYER_BYTES] });
  digest = layerOf(image).digest;
  name = `${registry.host}/${REPOSITORY}:v1`;
});

afterEach(async () => {
  await registry.close();
});

const namesIn = (directory: string): string[] => {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
};

const stagedIn = (root: string): string[] =>
  namesIn(join(root, "layers", "staging")).filter((staged) => !staged.startsWith(".abilities-"));

/** The layer that is being unpacked, and how many bytes of its file are there. */
function halfMade(root: string): { readonly inode: number; readonly bytes: number } | undefined {
  for (const staged of stagedIn(root)) {
    const tree = join(root, "layers", "staging", staged, "fs");
    const file = statSync(join(tree, "layer-0"), { throwIfNoEntry: false });
    if (file) return { inode: statSync(tree).ino, bytes: file.size };
  }
  return undefined;
}

const treeOf = (root: string): string => {
  const [chainId = ""] = image.layers.map(({ diffId }) => encodedOf(diffId));
  return join(root, "layers", "sha256", chainId, "fs");
};

function expectUnpacked(root: string): void {
  expect(namesIn(join(root, "layers", "sha256"))).toHaveLength(1);
  expect(readFileSync(join(treeOf(root), "layer-0"))).toHaveLength(LAYER_BYTES);
  expect(stagedIn(root)).toEqual([]);
}

/** What was begun is removed when the pull has ended already. */
async function expectNothing(root: string): Promise<void> {
  await until(() => stagedIn(root).length === 0);
  expect(namesIn(join(root, "layers", "sha256"))).toEqual([]);
}

/** Puts a blob into the registry that is the layer's but for its last bit, so that it is wrong in whatever pieces it comes. */
async function putWrongAtTheEnd(): Promise<Digest> {
  const bytes = await buffer(registry.readBlob(REPOSITORY, digest));
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
  return (await registry.putBlob(REPOSITORY, bytes)).digest;
}

/** What comes of the blob stops in the middle, until it is released. */
function holdBack(more: FaultAction = {}): Fault {
  return registry.fault({ kind: "blob", digest }, { stall: true, afterBytes: LAYER_BYTES / 2, ...more });
}

/** Resolves when a good part of what came is unpacked. */
async function isUnderWay(root: string): Promise<{ readonly inode: number }> {
  await until(() => (halfMade(root)?.bytes ?? 0) > LAYER_BYTES / 4);
  return halfMade(root) ?? { inode: 0 };
}

describe.each([{ workers: 0 }, { workers: 1 }])(
  "a layer whose blob is on its way, by $workers threads",
  ({ workers }) => {
    beforeEach(async () => {
      engine = await openEngine({ layers: true, workers, bytesPerWorker: 0 });
    });
    afterEach(async () => {
      await engine[Symbol.asyncDispose]();
    });

    it("is unpacked as far as it is there, and seen when it is whole", async () => {
      const [held, log] = [holdBack(), statusLog()];
      const pulling = engine.pull(name, { onProgress: log.sink });
      const { inode } = await isUnderWay(engine.root);
      expect(namesIn(join(engine.root, "layers", "sha256"))).toEqual([]);
      held.release();
      await pulling;
      expectUnpacked(engine.root);
      expect(statSync(treeOf(engine.root)).ino).toBe(inode);
      const actions = log.actions(encodedOf(digest).slice(0, 12));
      expect(actions.slice(-3)).toEqual(["Download complete", "Extracting", "Pull complete"]);
      expect(actions.indexOf("Extracting")).toBe(actions.length - 2);
    });

    it("is unpacked on the caller's thread where an embedder wants no other", async () => {
      const { openLayerStore } = await import("../../src/layer.ts");
      const { layerTarget } = await import("../../src/distribution/layers/layer-target.ts");
      await using store = await openLayerStore({ root: engine.root, workers: 0 });
      await using own = await openEngine({ root: engine.root, layers: layerTarget(store) });
      const held = holdBack();
      const pulling = own.pull(name);
      const { inode } = await isUnderWay(engine.root);
      held.release();
      await pulling;
      expect(statSync(treeOf(engine.root)).ino).toBe(inode);
    });

    it("goes on where it was when the connection breaks", async () => {
      const broken = registry.fault(
        { kind: "blob", digest },
        { reset: true, afterBytes: LAYER_BYTES / 2, stall: true },
      );
      const held = registry.fault({ kind: "blob", digest }, { hold: Promise.resolve() });
      const pulling = engine.pull(name);
      const { inode } = await isUnderWay(engine.root);
      broken.release();
      await pulling;
      expect(held.hits).toBe(1);
      expectUnpacked(engine.root);
      expect(statSync(treeOf(engine.root)).ino).toBe(inode);
    });

    it("begins with what an earlier pull has left of its blob", async () => {
      const held = holdBack();
      const controller = new AbortController();
      const first = failureOf(engine.pull(name, { signal: controller.signal }));
      await isUnderWay(engine.root);
      controller.abort();
      await first;
      held.remove();
      const again = registry.fault({ kind: "blob", digest }, { stall: true, afterBytes: 0 });
      const pulling = engine.pull(name);
      await isUnderWay(engine.root);
      again.release();
      await pulling;
      expectUnpacked(engine.root);
    });

    it("is begun anew when what came first turns out to be wrong, and the endpoint has better", async () => {
      registry.fault(
        { kind: "blob", digest },
        { reset: true, afterBytes: 3_000_000, corrupt: { offset: 500_000 } },
      );
      await engine.pull(name);
      expectUnpacked(engine.root);
      expect(readFileSync(join(treeOf(engine.root), "layer-0")).equals(await contentOfLayer())).toBe(true);
    });

    it("leaves nothing when its digest is wrong at the very end, and comes with the next pull", async () => {
      const wrong = await putWrongAtTheEnd();
      const everywhere = registry.fault(
        { kind: "blob", digest, times: Number.POSITIVE_INFINITY },
        { redirect: `${registry.url}/v2/${REPOSITORY}/blobs/${wrong}` },
      );
      const held = registry.fault(
        { kind: "blob", digest: wrong },
        { stall: true, afterBytes: LAYER_BYTES / 2 },
      );
      const failing = failureOf(engine.pull(name));
      await isUnderWay(engine.root);
      held.release();
      expect(await failing).toBeInstanceOf(ErrDataLoss);
      await expectNothing(engine.root);
      everywhere.remove();
      await engine.pull(name);
      expectUnpacked(engine.root);
    });

    it("leaves nothing when nobody wants it any more", async () => {
      holdBack();
      const controller = new AbortController();
      const failing = failureOf(engine.pull(name, { signal: controller.signal }));
      await isUnderWay(engine.root);
      controller.abort();
      expect(await failing).toBeInstanceOf(ErrCanceled);
      await expectNothing(engine.root);
      await engine.pull(name);
      expectUnpacked(engine.root);
    });

    it("is unpacked once for two pulls, whoever of them stays", async () => {
      const held = holdBack();
      const controller = new AbortController();
      const leaving = failureOf(engine.pull(name, { signal: controller.signal }));
      const log = statusLog();
      const staying = engine.pull(name, { onProgress: log.sink });
      const { inode } = await isUnderWay(engine.root);
      await wantLayer({ digest }, log);
      controller.abort();
      expect(await leaving).toBeInstanceOf(ErrCanceled);
      held.release();
      await staying;
      expectUnpacked(engine.root);
      expect(statSync(treeOf(engine.root)).ino).toBe(inode);
    });

    it("follows a download that a pull without layers has begun", async () => {
      const held = holdBack();
      const plain = engine.pull(name, { unpack: false });
      await until(() => held.hits === 1);
      const pulling = engine.pull(name);
      await isUnderWay(engine.root);
      held.release();
      await Promise.all([plain, pulling]);
      expectUnpacked(engine.root);
    });

    it("is left by an endpoint that fails for the next one", async () => {
      await using mirror = await TestRegistry.start();
      await buildImage(mirror, REPOSITORY, { tag: "v1", layers: [LAYER_BYTES] });
      const broken = mirror.fault(
        { kind: "blob", digest },
        { stall: true, afterBytes: LAYER_BYTES / 2, corrupt: { offset: LAYER_BYTES / 2 + 10 } },
      );
      const mirrors = { [registry.host]: [mirror.url] };
      await using other = await openEngine({ layers: true, registry: { mirrors } });
      const pulling = other.pull(name);
      await isUnderWay(other.root);
      broken.release();
      await pulling;
      expectUnpacked(other.root);
    });

    it("is completed by the next pull after its process was killed", async () => {
      const held = holdBack();
      await using child = spawnPull(engine.root, name, "--unpack");
      await isUnderWay(engine.root);
      await child.kill();
      held.remove();
      expect(halfMade(engine.root)).toBeDefined();
      await engine.pull(name);
      await engine.prune();
      expectUnpacked(engine.root);
    });

    it("is refused for what is in it when its bytes are known to be those that were promised", async () => {
      const archive = writeTestTar([
        { name: "layer-0", content: Buffer.alloc(LAYER_BYTES, "x") },
        { name: "../outside", content: Buffer.from("x") },
        { name: "more", content: Buffer.alloc(LAYER_BYTES, "y") },
      ]);
      const put = (content: Uint8Array | string, mediaType: string) =>
        putBlob(registry, "team/hostile", { content, mediaType });
      const rootfs = { type: "layers", diff_ids: [digestOf(archive)] };
      const config = JSON.stringify({ os: "linux", architecture: "amd64", config: {}, rootfs });
      const layers = [await put(gzipSync(archive, { level: 0 }), OCI.layer)];
      putManifest(
        registry,
        { repository: "team/hostile", tag: "v1" },
        { config: await put(config, OCI.config), layers },
      );
      const error = await failureOf(engine.pull(`${registry.host}/team/hostile:v1`));
      expect(error).toBeInstanceOf(ErrInvalidArgument);
      expect(error.message).toContain("../outside");
      await expectNothing(engine.root);
    });
  },
);

describeWithMounts("on a disk that has no room for the layer beside its blob", () => {
  it.each([0, 1])("fails the pull and leaves nothing half made, by %i threads", async (workers) => {
    const disk = await mountSmallDisk(6_000);
    try {
      const more = { layers: true, workers, bytesPerWorker: 0 };
      const small = await openEngine({ root: join(disk.path, "root"), ...more });
      try {
        const error = await failureOf(small.pull(name));
        expect(error).toBeInstanceOf(ErrResourceExhausted);
        await expectNothing(small.root);
      } finally {
        await small.close();
      }
    } finally {
      await rm(join(disk.path, "root"), { recursive: true, force: true });
      await disk.dispose();
    }
  });
});

/** What is in the layer, as the registry has it. */
async function contentOfLayer(): Promise<Buffer> {
  await using other = await openEngine({ layers: true });
  await other.pull(name);
  return readFileSync(join(treeOf(other.root), "layer-0"));
}
