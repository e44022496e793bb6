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

/** A layer that is there already: its archive, and the blob made of it. */
export interface WrittenLayer {
  readonly diffId: Digest;
  readonly blob: Buffer;
}

/** Puts an image into a registry whose layers have these entries, or are these. */
export async function putImage(
  registry: TestRegistry,
  { repository, tag }: { readonly repository: string; readonly tag: string },
  written: ReadonlyArray<readonly WrittenEntry[] | WrittenLayer>,
): Promise<PutImage> {
  const layers: Array<PutImage["layers"][number]> = [];
  for (const each of written) {
    const { diffId, blob: bytes } = "blob" in each ? each : gzipped(writeTestTar(each));
    const blob = await registry.putBlob(repository, bytes);
    const mediaType = "application/vnd.oci.image.layer.v1.tar+gzip";
    layers.push({ descriptor: { ...blob, mediaType }, diffId });
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

function gzipped(archive: Buffer): WrittenLayer {
  return { diffId: digestOf(archive), blob: gzipSync(archive) };
}
