import type { InspectedImage } from "../index.ts";
import { familiarName, parseNormalizedNamed } from "../reference.ts";
import { shownName } from "./image-names.ts";

/**
 * What is known of an image under the names that `docker inspect` has for it, and beside them what docker does not tell: descriptors,
 * layers as they travel, annotations, and who told it.
 *
 * @param names all names that point at it here; empty at a registry
 */
export function inspectedFields(
  image: InspectedImage,
  names: readonly string[],
): Readonly<Record<string, unknown>> {
  const { platform, configuration, layers, manifests } = image;
  const all = names.length > 0 ? names : [image.reference];
  return {
    Id: image.id,
    RepoTags: all.filter((name) => !name.includes("@")).map(shownName),
    RepoDigests: [...new Set(all.flatMap(repositoryOf))].map((name) => `${name}@${image.target.digest}`),
    Created: image.created ?? "",
    Author: image.author ?? "",
    Architecture: platform?.architecture ?? "",
    Variant: platform?.variant ?? "",
    Os: platform?.os ?? "",
    OsVersion: platform?.osVersion ?? "",
    Size: image.size,
    Config: configuration?.["config"] ?? null,
    RootFS: { Type: "layers", Layers: layers.flatMap(({ diffId }) => diffId ?? []) },
    Labels: image.labels,
    History: image.history.map((entry) => ({
      Created: entry.created ?? "",
      CreatedBy: entry.createdBy ?? "",
      Comment: entry.comment ?? "",
      EmptyLayer: entry.emptyLayer,
    })),
    Descriptor: image.target,
    Manifest: image.manifest ?? null,
    Manifests: manifests,
    Platforms: image.platforms,
    Layers: layers,
    Annotations: image.annotations,
    ArtifactType: image.artifactType ?? "",
    Subject: image.subject ?? null,
    Kind: image.kind,
    From: image.from,
    Endpoint: image.endpoint ?? "",
  };
}

function repositoryOf(name: string): readonly string[] {
  try {
    return [familiarName(parseNormalizedNamed(name))];
  } catch {
    return []; // a name of another tool that is no reference
  }
}
