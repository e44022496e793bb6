import type { Platform } from "../oci/descriptor.ts";
import { isConfigType, isLayerType, isNonDistributable } from "../oci/media-types.ts";
import { containerMatcher, only } from "../platform/matcher.ts";
import { familiarString } from "../reference/familiar.ts";
import { parseNormalizedNamed } from "../reference/normalize.ts";
import { blobPathOf } from "./archive-path.ts";
import type { CompleteImage } from "./complete-images.ts";

/** An element of docker's `manifest.json`. */
export interface DockerListEntry {
  readonly Config: string;
  /** Familiar form: docker shows it as it stands. */
  readonly RepoTags: readonly string[] | null;
  /** From the base up. */
  readonly Layers: readonly string[];
}

/**
 * The `manifest.json` by which docker before 25, podman and skopeo's `docker-archive:` find the image in a layout: a single
 * entry, because docker knows one image per name. It is the image for `wanted`, otherwise for this machine, otherwise the first.
 * `undefined` when docker could load none: no image config, no layers, or layers that are not there.
 */
export function dockerList(
  name: string,
  images: readonly CompleteImage[],
  wanted: Platform | undefined,
): readonly DockerListEntry[] | undefined {
  const matcher = wanted === undefined ? containerMatcher() : only(wanted);
  const loadable = images.filter(isLoadable);
  const fitting = loadable
    .filter(({ manifest: { platform } }) => platform !== undefined && matcher.match(platform))
    .toSorted((a, b) => (isBetter(a, b) ? -1 : Number(isBetter(b, a))));
  const chosen = fitting[0] ?? loadable[0];
  if (chosen === undefined) return undefined;
  return [
    {
      Config: blobPathOf(chosen.config.digest),
      RepoTags: repoTags(name),
      Layers: chosen.layers.map(({ digest }) => blobPathOf(digest)),
    },
  ];

  function isBetter(a: CompleteImage, b: CompleteImage): boolean {
    const [first, second] = [a.manifest.platform, b.manifest.platform];
    return first !== undefined && second !== undefined && matcher.less(first, second);
  }
}

/** One entry for each image, with all of its names: docker names each once. */
export function withoutTwins(entries: readonly DockerListEntry[]): readonly DockerListEntry[] {
  const byConfig = new Map<string, DockerListEntry>();
  for (const entry of entries) {
    const { RepoTags: known = [] } = byConfig.get(entry.Config) ?? {};
    const tags = [...new Set([...(known ?? []), ...(entry.RepoTags ?? [])])];
    byConfig.set(entry.Config, { ...entry, RepoTags: tags.length > 0 ? tags : null });
  }
  return [...byConfig.values()];
}

/** What docker calls the image; nothing for a digest, and for a name of another tool that docker would refuse. */
function repoTags(name: string): readonly string[] | null {
  try {
    const reference = parseNormalizedNamed(name);
    return reference.tag === undefined ? null : [familiarString(reference)];
  } catch {
    return null;
  }
}

function isLoadable({ config, layers }: CompleteImage): boolean {
  return (
    isConfigType(config.mediaType) &&
    layers.every(({ mediaType }) => isLayerType(mediaType) && !isNonDistributable(mediaType))
  );
}
