import { type Digest, digestOf } from "../../../src/digest/digest.ts";
import type { Descriptor, Platform } from "../../../src/oci/descriptor.ts";
import { OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST } from "../../../src/oci/media-types.ts";
import type { TestEntry } from "./tar.ts";

/** An image or index in memory. */
export interface TestImage {
  readonly target: Descriptor;
  /** Everything below and including the target. */
  readonly blobs: ReadonlyMap<Digest, Uint8Array>;
  /** Config, then layers; the images of an index. */
  readonly children: readonly Descriptor[];
}

/** What the layers are made of: they stand for tar archives, which nobody here unpacks. */
export interface ImageOptions {
  readonly platform?: Platform | undefined;
  readonly layerType?: string | undefined;
}

/** An image of uncompressed layers. */
export function makeImage(
  layers: readonly (string | Uint8Array)[],
  { platform = { os: "linux", architecture: "amd64" }, layerType = OCI_LAYER }: ImageOptions = {},
): TestImage {
  const blobs = new Map<Digest, Uint8Array>();
  const add = (mediaType: string, content: string | Uint8Array): Descriptor => {
    const bytes = Buffer.from(content as string);
    const digest = digestOf(bytes);
    blobs.set(digest, bytes);
    return { mediaType, digest, size: bytes.byteLength };
  };
  const layerBlobs = layers.map((layer) => add(layerType, layer));
  const diffIds = layerBlobs.map(({ digest }) => digest);
  const config = add(
    OCI_CONFIG,
    JSON.stringify({ ...platform, rootfs: { type: "layers", diff_ids: diffIds } }),
  );
  const manifest = { schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: layerBlobs };
  const target = add(OCI_MANIFEST, JSON.stringify(manifest));
  return { target: { ...target, platform }, blobs, children: [config, ...layerBlobs] };
}

/** An index of images. */
export function makeIndex(images: readonly TestImage[]): TestImage {
  const children = images.map(({ target }) => target);
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: children }));
  const target = { mediaType: OCI_INDEX, digest: digestOf(bytes), size: bytes.byteLength };
  const blobs = new Map(images.flatMap((image) => [...image.blobs]));
  blobs.set(target.digest, bytes);
  return { target, blobs, children };
}

/** Where a blob lies in a layout. */
export function pathOf(digest: string): string {
  return `blobs/${digest.replace(":", "/")}`;
}

/** A name of a layout's index and what it stands for; no name at all for `undefined`. */
export type NamedImage = readonly [name: string | undefined, image: TestImage];

/** The files of an OCI layout, documents first. */
export function layoutEntries(
  named: readonly NamedImage[],
  annotation = "org.opencontainers.image.ref.name",
): TestEntry[] {
  const manifests = named.map(([name, { target }]) => ({
    ...target,
    ...(name !== undefined && { annotations: { [annotation]: name } }),
  }));
  const blobs = new Map(named.flatMap(([, image]) => [...image.blobs]));
  return [
    { name: "oci-layout", bytes: '{"imageLayoutVersion":"1.0.0"}' },
    { name: "index.json", bytes: JSON.stringify({ schemaVersion: 2, manifests }) },
    ...[...blobs].map(([digest, bytes]) => ({ name: pathOf(digest), bytes })),
  ];
}
