import { gzipSync } from "node:zlib";
import { type Digest, digestOf } from "../../../src/digest/digest.ts";
import type { Descriptor } from "../../../src/index.ts";
import type { TestRegistry } from "../../../src/testing.ts";
import { type WrittenEntry, writeTestTar } from "../../tar/support/tar-writer.ts";

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";

/** An image of layers with these entries. */
export interface PutImage {
  readonly config: Descriptor;
  readonly layers: ReadonlyArray<{ readonly descriptor: Descriptor; readonly diffId: Digest }>;
}

/** Puts an image into a registry whose layers have these entries. */
export async function putImage(
  registry: TestRegistry,
  { repository, tag }: { readonly repository: string; readonly tag: string },
  entries: ReadonlyArray<readonly WrittenEntry[]>,
): Promise<PutImage> {
  const layers: Array<PutImage["layers"][number]> = [];
  for (const each of entries) {
    const archive = writeTestTar(each);
    const blob = await registry.putBlob(repository, gzipSync(archive));
    const mediaType = "application/vnd.oci.image.layer.v1.tar+gzip";
    layers.push({ descriptor: { ...blob, mediaType }, diffId: digestOf(archive) });
  }
  const rootfs = { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) };
  const json = { architecture: "amd64", os: "linux", config: {}, rootfs };
  const blob = await registry.putBlob(repository, Buffer.from(JSON.stringify(json)));
  const config = { ...blob, mediaType: "application/vnd.oci.image.config.v1+json" };
  const manifest = {
    schemaVersion: 2,
    mediaType: MANIFEST,
    config,
    layers: layers.map(({ descriptor }) => descriptor),
  };
  registry.putManifest(repository, tag, Buffer.from(JSON.stringify(manifest)), MANIFEST);
  return { config, layers };
}
