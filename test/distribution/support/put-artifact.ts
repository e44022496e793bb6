import { gzipSync } from "node:zlib";
import { digestOf } from "../../../src/digest/digest.ts";
import type { Descriptor } from "../../../src/images.ts";
import type { TestRegistry } from "../../../src/testing.ts";
import { type WrittenEntry, writeTestTar } from "../../tar/support/tar-writer.ts";
import { EMPTY, OCI, type Place, putBlob, putManifest } from "./documents.ts";

/** A layer of an artifact, as its descriptor says. */
export type ArtifactLayer = Descriptor;

/** Puts a layer with a title, or without one. */
export async function putFile(
  registry: TestRegistry,
  repository: string,
  { title, content }: { readonly title?: string; readonly content: Uint8Array | string },
): Promise<ArtifactLayer> {
  const blob = await putBlob(registry, repository, { mediaType: "text/plain", content });
  return title === undefined ? blob : { ...blob, annotations: { "org.opencontainers.image.title": title } };
}

/** Puts a directory as an archive of these entries, as oras does. */
export async function putDirectory(
  registry: TestRegistry,
  repository: string,
  { title, entries }: { readonly title: string; readonly entries: readonly WrittenEntry[] },
): Promise<ArtifactLayer> {
  const archive = writeTestTar(entries);
  const blob = await putBlob(registry, repository, { mediaType: OCI.layer, content: gzipSync(archive) });
  const annotations = {
    "org.opencontainers.image.title": title,
    "io.deis.oras.content.unpack": "true",
    "io.deis.oras.content.digest": digestOf(archive),
  };
  return { ...blob, annotations };
}

/** Puts an artifact with these layers. */
export async function putArtifact(
  registry: TestRegistry,
  place: Place,
  layers: readonly ArtifactLayer[],
  more: object = {},
): Promise<Descriptor> {
  await registry.putBlob(place.repository, Buffer.from("{}"));
  const artifactType = "application/vnd.example.thing";
  return putManifest(registry, place, { artifactType, config: EMPTY, layers, ...more });
}
