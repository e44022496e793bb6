import type { Descriptor } from "../../../src/images.ts";
import type { TestRegistry } from "../../../src/testing.ts";

/** Media types of documents. */
export const OCI = {
  index: "application/vnd.oci.image.index.v1+json",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar+gzip",
  empty: "application/vnd.oci.empty.v1+json",
} as const;

/** The content `{}` as a descriptor. */
export const EMPTY = {
  mediaType: OCI.empty,
  digest: "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
  size: 2,
} as const;

/** Where a document goes. */
export interface Place {
  readonly repository: string;
  readonly tag?: string | undefined;
}

/** Puts an OCI manifest with these fields into a registry. */
export function putManifest(registry: TestRegistry, { repository, tag }: Place, fields: object): Descriptor {
  const document = { schemaVersion: 2, mediaType: OCI.manifest, ...fields };
  return registry.putManifest(repository, tag, JSON.stringify(document), OCI.manifest);
}

/** Puts an OCI index into a registry. */
export function putIndex(
  registry: TestRegistry,
  { repository, tag }: Place,
  manifests: readonly object[],
): Descriptor {
  const document = { schemaVersion: 2, mediaType: OCI.index, manifests };
  return registry.putManifest(repository, tag, JSON.stringify(document), OCI.index);
}

/** Puts a blob into a registry and describes it as `mediaType`. */
export async function putBlob(
  registry: TestRegistry,
  repository: string,
  blob: { readonly mediaType: string; readonly content: Uint8Array | string },
): Promise<Descriptor> {
  const descriptor = await registry.putBlob(repository, Buffer.from(blob.content));
  return { ...descriptor, mediaType: blob.mediaType };
}
