import type { AbortOptions } from "../async/abort.ts";
import type { InfoProvider, Provider } from "../content/store.ts";
import { ErrNotFound, ErrNotImplemented } from "../errors/classes.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { isIndexType, isManifestType, isSchema1Type } from "../oci/media-types.ts";
import { childrenOf } from "../oci/parse-document.ts";
import type { PlatformMatcher } from "../platform/matcher.ts";
import { childrenHandler, readDocument } from "./children.ts";
import { dispatch } from "./dispatch.ts";
import { filterPlatforms, limitManifests } from "./filters.ts";
import { type Handler, handlers } from "./handler.ts";

/** Which images of an index are wanted. */
export interface PlatformChoice {
  readonly matcher: PlatformMatcher;
  /** Take every match, not only the best. */
  readonly all: boolean;
  /** As the user wrote it, for messages. */
  readonly wanted: string;
  /** Whether somebody asked for it; otherwise it follows from the machine. Default false. */
  readonly specified?: boolean | undefined;
}

/** One image found in a graph: its manifest, and what the manifest names. */
export interface ImageContent {
  readonly manifest: Descriptor;
  readonly config: Descriptor;
  /** Bottom layer first. */
  readonly layers: readonly Descriptor[];
}

/**
 * Fetches indexes and manifests from `root` down, through `fetchDocument`, and returns the images that `choice` wants: one
 * for a manifest, the best match for an index (the first match of a nested one). Entries of an index that are no images are
 * passed over, as in moby. Throws `ErrNotFound` when no image is left, and the errors of the documents.
 */
export async function collectImages(
  root: Descriptor,
  {
    content,
    fetchDocument,
    choice,
  }: { content: Provider & InfoProvider; fetchDocument: Handler; choice: PlatformChoice },
  options: AbortOptions,
): Promise<readonly ImageContent[]> {
  const images: ImageContent[] = [];
  const { matcher, all, wanted } = choice;
  const children = childrenHandler(content);
  const entries = limitManifests(filterPlatforms(imageEntries(content, choice), matcher), {
    matcher,
    count: all ? 0 : 1,
    wanted,
  });
  const descend: Handler = async (descriptor, abort) => {
    if (isIndexType(descriptor.mediaType)) return await entries(descriptor, abort);
    const [config, ...layers] = await children(descriptor, abort); // whatever platform they claim to be for
    if (config) images.push({ manifest: descriptor, config, layers });
    return []; // blobs are moved by the download manager, in layer order
  };
  await dispatch(handlers(fetchDocument, descend), [root], options);
  if (images.length > 0) return images;
  throw new ErrNotFound(`no matching manifest for ${wanted} in the manifest list entries`, {
    digest: root.digest,
  });
}

/**
 * The entries of an index that may be images; schema 1 is among them, to be refused by its name. Throws
 * `ErrNotImplemented` when all are wanted and one cannot be had, because nobody here knows the algorithm of its
 * digest.
 */
function imageEntries(content: Provider & InfoProvider, { all }: PlatformChoice): Handler {
  return async (index, options) => {
    const document = await readDocument(content, index, options);
    const [foreign] = document.kind === "index" ? document.foreign : [];
    if (all && foreign !== undefined) {
      const { digest } = index;
      throw new ErrNotImplemented(`${digest}: the digest algorithm of ${foreign} is not supported`, {
        digest,
      });
    }
    return childrenOf(document).filter(
      ({ mediaType }) => isManifestType(mediaType) || isIndexType(mediaType) || isSchema1Type(mediaType),
    );
  };
}
