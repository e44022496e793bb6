import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { type Digest, Digester } from "../../digest/digest.ts";
import type { Descriptor, Platform } from "../../oci/descriptor.ts";
import type { TestRegistry } from "../test-registry.ts";
import { layerFile } from "./layer-file.ts";
import { type TarFile, writeTar } from "./tar.ts";

/** Whether documents have the media types of the OCI image-spec or those of docker's schema 2. */
export type MediaTypeFamily = "oci" | "docker";

/** How an image is built. */
export interface BuildImageOptions {
  /**
   * Its tag.
   * @defaultValue none: the image can be had by digest only
   * @example tag: "v1"
   */
  readonly tag?: string | undefined;
  /**
   * One file per layer: its bytes, or the size in bytes of pseudo-random ones (equal sizes differ by position).
   * @unit bytes, of each layer
   * @example layers: [1_000_000, Buffer.from("a file")]
   */
  readonly layers: readonly (Uint8Array | number)[];
  /**
   * For what it says that it is.
   * @defaultValue `linux/amd64`
   * @example platform: { os: "linux", architecture: "arm64" }
   */
  readonly platform?: Platform | undefined;
  /**
   * Whose media types its documents have.
   * @defaultValue `oci`
   * @example mediaTypes: "docker"
   */
  readonly mediaTypes?: MediaTypeFamily | undefined;
  /**
   * Fields to add to the config document, or to replace in it.
   * @defaultValue none
   * @example config: { config: { Env: ["A=1"] } }
   */
  readonly config?: Readonly<Record<string, unknown>> | undefined;
}

/** A layer of a built image. */
export interface BuiltLayer {
  readonly descriptor: Descriptor;
  /** Digest of the uncompressed tar archive. */
  readonly diffId: Digest;
}

/** An image that `buildImage` put into a registry. */
export interface BuiltImage {
  /**
   * The manifest; with the platform, as an index shows it.
   * @example descriptor: { mediaType: "application/vnd.oci.image.manifest.v1+json", digest: digestOf("{}"), size: 2 }
   */
  readonly descriptor: Descriptor;
  readonly config: Descriptor;
  readonly layers: readonly BuiltLayer[];
}

const MEDIA_TYPES = {
  oci: {
    index: "application/vnd.oci.image.index.v1+json",
    manifest: "application/vnd.oci.image.manifest.v1+json",
    config: "application/vnd.oci.image.config.v1+json",
    layer: "application/vnd.oci.image.layer.v1.tar+gzip",
  },
  docker: {
    index: "application/vnd.docker.distribution.manifest.list.v2+json",
    manifest: "application/vnd.docker.distribution.manifest.v2+json",
    config: "application/vnd.docker.container.image.v1+json",
    layer: "application/vnd.docker.image.rootfs.diff.tar.gzip",
  },
} as const;

/** Puts a real image into a registry: layers are gzipped tar archives of one file, with their diffIDs in the config. */
export async function buildImage(
  registry: TestRegistry,
  repository: string,
  options: BuildImageOptions,
): Promise<BuiltImage> {
  const { platform = { os: "linux", architecture: "amd64" } } = options;
  const mediaTypes = MEDIA_TYPES[options.mediaTypes ?? "oci"];
  const layers: BuiltLayer[] = [];
  for (const [position, content] of options.layers.entries()) {
    const { descriptor, diffId } = await putLayer(registry, repository, layerFile(content, position));
    layers.push({ descriptor: { ...descriptor, mediaType: mediaTypes.layer }, diffId });
  }
  const diffIds = layers.map((layer) => layer.diffId);
  const configBytes = encode({
    created: "1970-01-01T00:00:00Z",
    ...platformJson(platform),
    config: {},
    rootfs: { type: "layers", diff_ids: diffIds },
    history: diffIds.map(() => ({ created: "1970-01-01T00:00:00Z", created_by: "drayage/testing" })),
    ...options.config,
  });
  const config = { ...(await registry.putBlob(repository, configBytes)), mediaType: mediaTypes.config };
  const manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config,
    layers: layers.map((layer) => layer.descriptor),
  };
  const descriptor = registry.putManifest(repository, options.tag, encode(manifest), mediaTypes.manifest);
  return { descriptor: { ...descriptor, platform }, config, layers };
}

/** How an index is built. */
export interface BuildIndexOptions {
  /**
   * Its tag.
   * @defaultValue none: the index can be had by digest only
   * @example tag: "v1"
   */
  readonly tag?: string | undefined;
  /**
   * Images of the same repository.
   * @example images: []
   */
  readonly images: readonly Pick<BuiltImage, "descriptor">[];
  /**
   * Whose media types it has.
   * @defaultValue `oci`
   * @example mediaTypes: "docker"
   */
  readonly mediaTypes?: MediaTypeFamily | undefined;
}

/** Puts an image index (docker: manifest list) into a registry. */
export function buildIndex(
  registry: TestRegistry,
  repository: string,
  options: BuildIndexOptions,
): Descriptor {
  const mediaType = MEDIA_TYPES[options.mediaTypes ?? "oci"].index;
  const manifests = options.images.map(({ descriptor: { platform, ...rest } }) => ({
    ...rest,
    ...(platform && { platform: platformJson(platform) }),
  }));
  const bytes = encode({ schemaVersion: 2, mediaType, manifests });
  return registry.putManifest(repository, options.tag, bytes, mediaType);
}

async function putLayer(registry: TestRegistry, repository: string, file: TarFile) {
  const uncompressed = new Digester();
  const gzip = createGzip();
  const [, descriptor] = await Promise.all([
    pipeline(digested(writeTar([file]), uncompressed), gzip),
    registry.putBlob(repository, gzip),
  ]);
  return { descriptor, diffId: uncompressed.digest() };
}

async function* digested(chunks: AsyncIterable<Uint8Array>, digester: Digester) {
  for await (const chunk of chunks) {
    digester.update(chunk);
    yield chunk;
  }
}

/** A platform by the names of the JSON documents (OCI image-spec, image-index.md "platform"). */
function platformJson({ osVersion, osFeatures, ...platform }: Platform): object {
  return {
    ...platform,
    ...(osVersion !== undefined && { "os.version": osVersion }),
    ...(osFeatures !== undefined && { "os.features": osFeatures }),
  };
}

function encode(document: object): Uint8Array {
  return Buffer.from(JSON.stringify(document));
}
