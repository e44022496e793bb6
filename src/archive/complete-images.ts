import type { AbortOptions } from "../async/abort.ts";
import type { InfoProvider, Provider } from "../content/store.ts";
import type { Digest } from "../digest/digest.ts";
import { ErrDataLoss, ErrNotFound } from "../errors/classes.ts";
import { isNotFound } from "../errors/predicates.ts";
import { childrenHandler } from "../images/children.ts";
import { ErrSkipDesc, type Handler } from "../images/handler.ts";
import { walk } from "../images/walk.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { isIndexType, isManifestType, isNonDistributable } from "../oci/media-types.ts";

/** An image that is in the store whole. */
export interface CompleteImage {
  readonly manifest: Descriptor;
  readonly config: Descriptor;
  /** From the base up. */
  readonly layers: readonly Descriptor[];
}

/** What a name needs of the store. */
export interface CompleteGraph {
  /** In the order of the index. */
  readonly images: readonly CompleteImage[];
  /** Everything that the images consist of, and the indexes above them, by digest. */
  readonly content: ReadonlyMap<Digest, Descriptor>;
}

/** How a graph is looked at. */
export interface CompleteOptions extends AbortOptions {
  /** Gives the descriptors below an index or manifest; default all that the document names. */
  readonly children?: Handler | undefined;
}

/**
 * The images below `target` that are there from manifest to last layer, sizes included. Other images of an index may be missing
 * in whole or in part; so may layers that nobody may distribute. Throws `ErrNotFound`, naming the first thing that is missing,
 * when no image is complete that a platform could run, `ErrDataLoss` for content of another size than it should have, and the
 * errors of the documents.
 */
export async function completeImages(
  store: Provider & InfoProvider,
  target: Descriptor,
  { children = childrenHandler(store), signal }: CompleteOptions = {},
): Promise<CompleteGraph> {
  const images: CompleteImage[] = [];
  const content = new Map<Digest, Descriptor>();
  let firstMissing: unknown;
  const visit: Handler = async (descriptor, options) => {
    try {
      if (descriptor.data !== undefined) await store.info(descriptor.digest, options); // it can be read without
      const below = await children(descriptor, options);
      if (isIndexType(descriptor.mediaType)) {
        content.set(descriptor.digest, descriptor);
        return below;
      }
      if (!isManifestType(descriptor.mediaType)) return [];
      const present = await presentAmong(store, below, { known: content, ...options });
      const [config, ...layers] = below;
      if (config) images.push({ manifest: descriptor, config, layers });
      for (const part of [descriptor, ...present]) content.set(part.digest, part);
      return []; // blobs are leaves, and of all of them the first one missing has been told
    } catch (error) {
      if (!isNotFound(error)) throw error;
      firstMissing ??= error;
      throw ErrSkipDesc;
    }
  };
  await walk(visit, [target], { signal });
  if (images.some(({ manifest }) => !isAttestation(manifest))) return { images, content };
  throw firstMissing ?? new ErrNotFound(`image ${target.digest}: no images in it`, { digest: target.digest });
}

interface PresentOptions extends AbortOptions {
  /** Content that is known to be there. */
  readonly known: ReadonlyMap<Digest, Descriptor>;
}

async function presentAmong(
  store: InfoProvider,
  parts: readonly Descriptor[],
  { known, signal }: PresentOptions,
): Promise<readonly Descriptor[]> {
  const present: Descriptor[] = [];
  for (const part of parts) {
    if (known.get(part.digest)?.size === part.size || (await isPresent(store, part, { signal })))
      present.push(part);
  }
  return present;
}

async function isPresent(
  store: InfoProvider,
  { digest, size: wanted, mediaType }: Descriptor,
  options: AbortOptions,
): Promise<boolean> {
  try {
    const { size } = await store.info(digest, options);
    if (size === wanted) return true;
    throw new ErrDataLoss(`content ${digest}: got ${size} bytes, want ${wanted}`, { digest });
  } catch (error) {
    if (isNotFound(error) && isNonDistributable(mediaType)) return false;
    throw error;
  }
}

/** BuildKit's attestations lie beside the images of an index as manifests for no platform that exists. */
function isAttestation({ platform }: Descriptor): boolean {
  return platform?.os === "unknown" && platform.architecture === "unknown";
}
