import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { type Digest, digestOf, encodedOf } from "../../../src/digest/digest.ts";
import { type LayerStore, openLayerStore } from "../../../src/layer.ts";
import { chainIds } from "../../../src/oci/chain-id.ts";
import type { TestRegistry } from "../../../src/testing.ts";
import { type TreeEntry, treeOf } from "../../layer/unpack/support/tree.ts";
import { type WrittenEntry, writeTestTar } from "../../tar/support/tar-writer.ts";

/** Entries of the layers of an image, lowest layer first. */
export type Layers = readonly (readonly WrittenEntry[])[];

const OCI = "application/vnd.oci.image";

/** Writes an OCI image layout with one image, which has `tag`. */
export function writeLayeredImage(layout: string, layers: Layers, tag: string): void {
  const blobs = join(layout, "blobs", "sha256");
  mkdirSync(blobs, { recursive: true });
  const put = (mediaType: string, bytes: Buffer): { mediaType: string; digest: Digest; size: number } => {
    const digest = digestOf(bytes);
    writeFileSync(join(blobs, encodedOf(digest)), bytes);
    return { mediaType, digest, size: bytes.byteLength };
  };
  const putJson = (mediaType: string, document: object): ReturnType<typeof put> =>
    put(mediaType, Buffer.from(JSON.stringify(document)));
  const made = layers.map((entries) => put(`${OCI}.layer.v1.tar`, writeTestTar(entries)));
  const config = putJson(`${OCI}.config.v1+json`, configOf(made.map(({ digest }) => digest)));
  const mediaType = `${OCI}.manifest.v1+json`;
  const manifest = putJson(mediaType, { schemaVersion: 2, mediaType, config, layers: made });
  const annotations = { "org.opencontainers.image.ref.name": tag };
  writeFileSync(join(layout, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  const index = { schemaVersion: 2, manifests: [{ ...manifest, annotations }] };
  writeFileSync(join(layout, "index.json"), JSON.stringify(index));
}

/** Puts the same into a registry, as `team/app:v1`; gives its name. */
export async function pushLayeredImage(registry: TestRegistry, layers: Layers): Promise<string> {
  const repository = "team/app";
  const archives = layers.map((entries) => writeTestTar(entries));
  const made = [];
  for (const archive of archives) {
    const { digest, size } = await registry.putBlob(repository, gzipSync(archive));
    made.push({ mediaType: `${OCI}.layer.v1.tar+gzip`, digest, size });
  }
  const document = configOf(archives.map((archive) => digestOf(archive)));
  const config = await registry.putBlob(repository, Buffer.from(JSON.stringify(document)));
  const mediaType = `${OCI}.manifest.v1+json`;
  const { digest, size } = config;
  const manifest = {
    schemaVersion: 2,
    mediaType,
    config: { mediaType: `${OCI}.config.v1+json`, digest, size },
    layers: made,
  };
  registry.putManifest(repository, "v1", Buffer.from(JSON.stringify(manifest)), mediaType);
  return `${registry.host}/${repository}:v1`;
}

function configOf(diffIds: readonly Digest[]): object {
  return {
    os: "linux",
    architecture: process.arch === "x64" ? "amd64" : process.arch,
    config: {},
    rootfs: { type: "layers", diff_ids: diffIds },
  };
}

/** What an image shows: put together in a directory, and by the mounts that a layer store tells, where this process may mount. */
export interface Shown {
  readonly assembled: Record<string, TreeEntry>;
  readonly mounted: Record<string, TreeEntry> | undefined;
}

/** Unpacks layers into a store in `folder` and shows them together. Throws what the store throws. */
export async function showLayers(folder: string, layers: Layers, canMount: boolean): Promise<Shown> {
  await using store = await openLayerStore({ root: join(folder, "root"), workers: 0 });
  const archives = layers.map((entries) => writeTestTar(entries));
  const chain = chainIds(archives.map((archive) => digestOf(archive)));
  for (const [at, chainId] of chain.entries()) {
    const archive = archives[at] ?? Buffer.alloc(0);
    const path = join(folder, `blob-${at}`);
    writeFileSync(path, archive);
    await store.register({ diffId: digestOf(archive), blob: { path } }, { chainId, parent: chain[at - 1] });
  }
  await store.assemble(chain, join(folder, "assembled"));
  return {
    assembled: treeOf(join(folder, "assembled")),
    mounted: canMount ? await mountedTree(store, chain, join(folder, "mounted")) : undefined,
  };
}

async function mountedTree(
  store: LayerStore,
  chain: readonly Digest[],
  target: string,
): Promise<Record<string, TreeEntry>> {
  const { mounts, directory } = await store.mounts(chain);
  mkdirSync(target);
  for (const { type, source, options } of mounts) {
    const how = type === "bind" ? ["--bind"] : ["-t", type];
    execFileSync("mount", [...how, source, "-o", options.join(","), target], { cwd: directory });
  }
  try {
    return treeOf(target);
  } finally {
    execFileSync("umount", [target]);
  }
}
