import { createHash } from "node:crypto";
import { pseudoRandom } from "../../test/real/support/pseudo-random.ts";

const OCI = "application/vnd.oci.image";

/** An image as a registry serves it. */
export interface ServedImage {
  readonly repository: string;
  readonly tag: string;
  readonly manifest: Buffer;
  readonly blobs: ReadonlyMap<string, Buffer>;
  /** Digests of the layers, bottom first. */
  readonly layers: readonly string[];
}

/** What an image is made of; equal seeds of layers are shared layers. */
export interface ImageOptions {
  readonly repository: string;
  readonly tag: string;
  readonly layerSeeds: readonly string[];
  readonly layerBytes: number;
}

export function digestOf(bytes: Uint8Array | string): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** An image of layers that look random. */
export function makeImage({ repository, tag, layerSeeds, layerBytes }: ImageOptions): ServedImage {
  const blobs = new Map<string, Buffer>();
  const keep = (bytes: Buffer) => {
    const digest = digestOf(bytes);
    blobs.set(digest, bytes);
    return { digest, size: bytes.length };
  };
  const layers = layerSeeds.map((seed) => ({
    mediaType: `${OCI}.layer.v1.tar`,
    ...keep(Buffer.concat([...pseudoRandom(seed, layerBytes)])),
  }));
  const config = {
    architecture: "amd64",
    os: "linux",
    comment: `${repository}:${tag}`,
    rootfs: { type: "layers", diff_ids: layers.map(({ digest }) => digest) },
  };
  const manifest = {
    schemaVersion: 2,
    mediaType: `${OCI}.manifest.v1+json`,
    config: { mediaType: `${OCI}.config.v1+json`, ...keep(Buffer.from(JSON.stringify(config))) },
    layers,
  };
  return {
    repository,
    tag,
    manifest: Buffer.from(JSON.stringify(manifest)),
    blobs,
    layers: layers.map(({ digest }) => digest),
  };
}
