import type { AbortOptions } from "../async/abort.ts";
import type { Store } from "../content/store.ts";
import { childrenHandler } from "../images/children.ts";
import { dispatch } from "../images/dispatch.ts";
import { filterPlatforms, limitManifests } from "../images/filters.ts";
import { type Handler, handlers } from "../images/handler.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { isIndexType } from "../oci/media-types.ts";
import type { PlatformMatcher } from "../platform/matcher.ts";

/** Which images of an index are wanted. */
export interface PlatformChoice {
  readonly matcher: PlatformMatcher;
  /** Take every match, not only the best. */
  readonly all: boolean;
  /** As the user wrote it, for messages. */
  readonly wanted: string;
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
 * for a manifest, the best match for an index (the first match of a nested one).
 */
export async function collectImages(
  root: Descriptor,
  { content, fetchDocument, choice }: { content: Store; fetchDocument: Handler; choice: PlatformChoice },
  options: AbortOptions,
): Promise<readonly ImageContent[]> {
  const images: ImageContent[] = [];
  const children = limitManifests(filterPlatforms(childrenHandler(content), choice.matcher), {
    matcher: choice.matcher,
    count: choice.all ? 0 : 1,
    wanted: choice.wanted,
  });
  const descend: Handler = async (descriptor, abort) => {
    const below = await children(descriptor, abort);
    if (isIndexType(descriptor.mediaType)) return below;
    const [config, ...layers] = below;
    if (config) images.push({ manifest: descriptor, config, layers });
    return []; // blobs are moved by the download manager, in layer order
  };
  await dispatch(handlers(fetchDocument, descend), [root], options);
  return images;
}
