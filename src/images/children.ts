import type { AbortOptions } from "../async/abort.ts";
import { readBlob } from "../content/read-blob.ts";
import type { Provider } from "../content/store.ts";
import { ErrInvalidArgument } from "../errors/classes.ts";
import { isDrayageError } from "../errors/drayage-error.ts";
import { withMessage } from "../errors/with-message.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { isIndexType, isManifestType } from "../oci/media-types.ts";
import {
  childrenOf,
  type ImageIndex,
  type ImageManifest,
  MAX_MANIFEST_BYTES,
  parseIndex,
  parseManifest,
} from "../oci/parse-document.ts";
import type { Handler } from "./handler.ts";

/**
 * The descriptors below a manifest (config, then layers) or an index (manifests), read from the store and validated;
 * nothing below any other media type (containerd `images.Children`). Throws `ErrNotFound` for a document that is not in
 * the store, and the errors of `parseManifest` and `parseIndex`.
 */
export function childrenHandler(provider: Provider): Handler {
  return async (descriptor, { signal }) => {
    if (!isManifestType(descriptor.mediaType) && !isIndexType(descriptor.mediaType)) return [];
    return childrenOf(await readDocument(provider, descriptor, { signal }));
  };
}

/**
 * A manifest or index out of the store, validated. Throws `ErrNotFound` when it is not there, and the errors of
 * `parseManifest` and `parseIndex`.
 */
export async function readDocument(
  provider: Provider,
  descriptor: Descriptor,
  { signal }: AbortOptions = {},
): Promise<ImageManifest | ImageIndex> {
  const { mediaType, digest } = descriptor;
  const bytes = await readBlob(provider, descriptor, { maxBytes: MAX_MANIFEST_BYTES, signal });
  try {
    if (isIndexType(mediaType)) return parseIndex(bytes, mediaType);
    const manifest = parseManifest(bytes, mediaType);
    for (const child of childrenOf(manifest)) refuseImage(child);
    return manifest;
  } catch (error) {
    if (!isDrayageError(error)) throw error;
    throw withMessage(error, `children: invalid desc ${digest}: ${error.message}`, { digest });
  }
}

/** An image consists of blobs. One that calls a blob an image has something below it for some, and nothing for others. */
function refuseImage({ mediaType, digest }: Descriptor): void {
  if (!isIndexType(mediaType) && !isManifestType(mediaType)) return;
  throw new ErrInvalidArgument(`got ${digest} of type ${mediaType} as part of an image`);
}
