import type { AbortOptions } from "../async/abort.ts";
import { readBlob } from "../content/read-blob.ts";
import { readVerified } from "../content/read-verified.ts";
import type { Store } from "../content/store.ts";
import { algorithmOf, type Digest } from "../digest/digest.ts";
import { ErrNotFound } from "../errors/classes.ts";
import { childrenHandler } from "../images/children.ts";
import { filterPlatforms, limitManifests } from "../images/filters.ts";
import type { Handler } from "../images/handler.ts";
import type { Image } from "../images/image-store.ts";
import { LAYOUT_MARKER } from "../images/layout-image-store.ts";
import { CONTAINERD_NAME, OCI_NAME, publicAnnotations } from "../oci/annotations.ts";
import type { Descriptor, Platform } from "../oci/descriptor.ts";
import { descriptorToJson } from "../oci/descriptor-to-json.ts";
import { isConfigType, isManifestType, OCI_INDEX } from "../oci/media-types.ts";
import { MAX_CONFIG_BYTES, parseImageConfig } from "../oci/parse-image-config.ts";
import { formatPlatform } from "../platform/format-platform.ts";
import { only } from "../platform/matcher.ts";
import { parsePlatform } from "../platform/parse-platform.ts";
import { blobPathOf } from "./archive-path.ts";
import { type CompleteGraph, completeImages } from "./complete-images.ts";
import { type DockerListEntry, dockerList, withoutTwins } from "./docker-list.ts";
import type { TarFile } from "./write-tar.ts";

/** How the content of an export is chosen. */
export interface ExportChoice extends AbortOptions {
  /** `os/arch[/variant]`; absent: every image that is there. */
  readonly platform?: string | undefined;
}

/**
 * The files of an archive of images: the layout's two documents, docker's list where docker could load one of them, then the blobs
 * by digest, each once. Throws `ErrNotFound` for content that is not in the store, and `ErrInvalidArgument` for a malformed platform.
 */
export async function exportedFiles(
  store: Store,
  images: readonly Image[],
  { platform, signal }: ExportChoice,
): Promise<readonly TarFile[]> {
  const wanted = platform === undefined ? undefined : parsePlatform(platform);
  const content = new Map<Digest, Descriptor>();
  const lists: DockerListEntry[] = [];
  for (const { name, target } of images) {
    const graph = await chosenImages(store, target, { wanted, signal });
    for (const [digest, descriptor] of graph.content) content.set(digest, descriptor);
    lists.push(...(dockerList(name, graph.images, wanted) ?? []));
  }
  const blobs = [...content.values()];
  return archiveFiles({ images, list: withoutTwins(lists), blobs }, (blob) => readVerified(store, blob));
}

/** What goes into an archive. */
export interface ArchivedImages {
  /** Names, and what they point at. */
  readonly images: readonly Image[];
  /** Docker's own list; none where docker could load nothing. */
  readonly list: readonly DockerListEntry[];
  /** What is in it, each once; what is left out, whoever reads it has to have. */
  readonly blobs: readonly Descriptor[];
}

/** The files of an archive whose blobs come from `read`, each in its turn. */
export function archiveFiles(
  { images, list, blobs }: ArchivedImages,
  read: (blob: Descriptor) => AsyncIterable<Uint8Array>,
): readonly TarFile[] {
  return [
    textFile("oci-layout", LAYOUT_MARKER),
    textFile("index.json", JSON.stringify(layoutIndex(images))),
    ...(list.length === 0 ? [] : [textFile("manifest.json", JSON.stringify(list))]),
    ...blobFiles(blobs, read),
  ];
}

async function chosenImages(
  store: Store,
  target: Descriptor,
  { wanted, signal }: AbortOptions & { readonly wanted: Platform | undefined },
): Promise<CompleteGraph> {
  if (wanted === undefined) return await completeImages(store, target, { signal });
  if (isManifestType(target.mediaType)) {
    const graph = await completeImages(store, target, { signal });
    await checkPlatform(store, graph, { wanted, signal });
    return graph;
  }
  return await completeImages(store, target, { children: best(childrenHandler(store), wanted), signal });
}

function best(children: Handler, wanted: Platform): Handler {
  const matcher = only(wanted);
  return limitManifests(filterPlatforms(children, matcher), {
    matcher,
    count: 1,
    wanted: formatPlatform(wanted),
  });
}

/** An image outside an index says in its config what it is for. */
async function checkPlatform(
  store: Store,
  { images }: CompleteGraph,
  { wanted, signal }: AbortOptions & { readonly wanted: Platform },
): Promise<void> {
  for (const { manifest, config } of images) {
    if (!isConfigType(config.mediaType)) continue;
    const bytes = await readBlob(store, config, { maxBytes: MAX_CONFIG_BYTES, signal });
    const { platform } = parseImageConfig(bytes);
    if (only(wanted).match(platform)) continue;
    const got = formatPlatform(platform);
    throw new ErrNotFound(
      `export image ${manifest.digest}: got an image for ${got}, wanted ${formatPlatform(wanted)}`,
      {
        digest: manifest.digest,
      },
    );
  }
}

/** Both names in full, as the data root has them: skopeo and podman look for one, containerd and docker for the other. */
function layoutIndex(images: readonly Image[]): object {
  const manifests = images.map(({ name, target }) => {
    const names = { [CONTAINERD_NAME]: name, [OCI_NAME]: name };
    const annotations = { ...publicAnnotations(target.annotations), ...names };
    return descriptorToJson({ ...target, annotations });
  });
  return { schemaVersion: 2, mediaType: OCI_INDEX, manifests };
}

function blobFiles(
  content: readonly Descriptor[],
  read: (blob: Descriptor) => AsyncIterable<Uint8Array>,
): readonly TarFile[] {
  const blobs = content.toSorted((a, b) => (a.digest < b.digest ? -1 : 1));
  const folders = [...new Set(blobs.map(({ digest }) => `blobs/${algorithmOf(digest)}/`))];
  return [
    ...["blobs/", ...folders].map((path) => ({ path, size: 0, content: [] })),
    ...blobs.map((blob) => ({ path: blobPathOf(blob.digest), size: blob.size, content: read(blob) })),
  ];
}

function textFile(path: string, text: string): TarFile {
  const bytes = Buffer.from(text);
  return { path, size: bytes.byteLength, content: [bytes] };
}
