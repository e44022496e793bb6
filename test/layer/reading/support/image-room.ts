import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { type Digest, digestOf } from "../../../../src/digest/digest.ts";
import { type ExtractOutcome, extractImage } from "../../../../src/layer/reading/extract-image.ts";
import { type ImageEntry, imageEntries } from "../../../../src/layer/reading/image-entries.ts";
import { readImage } from "../../../../src/layer/reading/read-image.ts";
import type { ReadableLayer } from "../../../../src/layer/reading/readable-layer.ts";
import { openLayerStore } from "../../../../src/layer/store/open-layer-store.ts";
import { DEFAULT_LIMITS, type UnpackLimits } from "../../../../src/layer/unpack/unpack-limits.ts";
import { chainIds } from "../../../../src/oci/chain-id.ts";
import { type WrittenEntry, writeTestTar } from "../../../tar/support/tar-writer.ts";
import { type TreeEntry, treeOf } from "../../unpack/support/tree.ts";

/** A layer in memory, and how often it was read. */
export interface TestLayer extends ReadableLayer {
  readonly archive: Buffer;
  readonly diffId: Digest;
  opened: number;
}

export function testLayer(entries: readonly WrittenEntry[]): TestLayer {
  return layerOfArchive(writeTestTar(entries));
}

export function layerOfArchive(archive: Buffer, blob = gzipSync(archive, { level: 1 })): TestLayer {
  const layer: TestLayer = {
    archive,
    digest: digestOf(blob),
    diffId: digestOf(archive),
    opened: 0,
    async *open() {
      layer.opened++;
      for (let at = 0; at < blob.byteLength; at += 1_000) yield blob.subarray(at, at + 1_000);
    },
  };
  return layer;
}

/** A folder for what images become. */
export class ImageRoom implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), "drayage-reading-"));
  #made = 0;

  path(name: string): string {
    return join(this.folder, name);
  }

  async list(
    layers: readonly ReadableLayer[],
    { paths, followsLinks = false }: { paths?: string[]; followsLinks?: boolean } = {},
  ): Promise<ImageEntry[]> {
    const image = await readImage(layers, { limits: DEFAULT_LIMITS });
    const entries: ImageEntry[] = [];
    for await (const entry of imageEntries(image, layers, { paths, followsLinks })) entries.push(entry);
    return entries;
  }

  async extract(
    layers: readonly ReadableLayer[],
    more: {
      paths?: readonly string[];
      followsLinks?: boolean;
      limits?: Partial<UnpackLimits>;
      directory?: string;
    } = {},
  ): Promise<{ outcome: ExtractOutcome; directory: string }> {
    const directory = more.directory ?? this.path(`extracted-${this.#made++}`);
    const outcome = await extractImage(layers, directory, {
      paths: more.paths,
      followsLinks: more.followsLinks ?? false,
      limits: { ...DEFAULT_LIMITS, ...more.limits },
    });
    return { outcome, directory };
  }

  /** The same image by way of the layer store: unpacked layers, assembled. */
  async assemble(layers: readonly TestLayer[]): Promise<string> {
    const root = this.path(`root-${this.#made++}`);
    const directory = `${root}-fs`;
    mkdirSync(root);
    await using store = await openLayerStore({ root, workers: 0 });
    const chain = chainIds(layers.map(({ diffId }) => diffId));
    for (const [at, { archive, diffId }] of layers.entries()) {
      const path = join(root, `blob-${at}`);
      writeFileSync(path, archive);
      const place = { chainId: chain[at] ?? diffId, parent: chain[at - 1] };
      await store.register({ diffId, blob: { path } }, place);
    }
    await store.assemble(chain, directory);
    return directory;
  }

  [Symbol.dispose](): void {
    if (process.geteuid?.() !== 0) execFileSync("chmod", ["-R", "u+rwx", this.folder], { stdio: "ignore" });
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/**
 * A tree for comparing: other names of a file look like the file, because an unpacked layer has copies of files of lower layers, and
 * what no layer says of directories is left out.
 */
export function comparable(directory: string): Record<string, TreeEntry> {
  const tree = treeOf(directory);
  return Object.fromEntries(
    Object.entries(tree).map(([path, entry]) => {
      const file = entry.type === "hardlink" ? (tree[entry.link] ?? entry) : entry;
      const isUnsaid = file.mtime === 0 || file.mtime > 1_700_000_000e6;
      // Node.js cannot take an attribute away: where overlayfs would be told of it, an assembled directory says it still.
      const xattrs = Object.entries(file.xattrs).filter(([name]) => !name.includes(".overlay."));
      return [path, { ...file, xattrs: Object.fromEntries(xattrs), ...(isUnsaid && { mtime: -1 }) }];
    }),
  );
}
