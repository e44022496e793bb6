import type { AbortOptions } from "../async/abort.ts";
import { readBlob } from "../content/read-blob.ts";
import type { Provider } from "../content/store.ts";
import type { Digest } from "../digest/digest.ts";
import { ErrInvalidArgument } from "../errors/classes.ts";
import { findError } from "../errors/predicates.ts";
import { withMessage } from "../errors/with-message.ts";
import type { Platform } from "../oci/descriptor.ts";
import { isConfigType, isLayerType } from "../oci/media-types.ts";
import { type ImageConfig, MAX_CONFIG_BYTES, parseImageConfig } from "../oci/parse-image-config.ts";
import type { ImageContent } from "./image-graph.ts";

/** What a manifest is: an image that runs somewhere, or something else that registries carry, such as a chart or a signature. */
export type Inspected =
  | {
      readonly kind: "image";
      readonly platform: Platform;
      /** Digests of the uncompressed layers, one for each layer of the manifest, or none at all. */
      readonly diffIds: readonly Digest[];
    }
  | { readonly kind: "artifact" };

/**
 * Looks into the config of an image, which is in the store. Throws `ErrInvalidArgument` for what says that it is an image and is
 * none, in moby's words: a config that is no JSON or has no rootfs, or one of other layers than the manifest has. A config
 * that lists no layers at all says nothing about them: builders of artifacts write such ones.
 */
export async function inspectImage(
  image: ImageContent,
  content: Provider,
  { signal }: AbortOptions = {},
): Promise<Inspected> {
  const { config, layers } = image;
  if (!claimsToBeImage(image)) return { kind: "artifact" };
  const bytes = await readBlob(content, config, { maxBytes: MAX_CONFIG_BYTES, signal });
  const { platform, diffIds } = parse(bytes, image);
  if (diffIds.length > 0 && diffIds.length !== layers.length) {
    const counts = `got ${layers.length} layers, the configuration has ${diffIds.length}`;
    throw refused(image, `layers from manifest don't match image configuration: ${counts}`);
  }
  return { kind: "image", platform, diffIds };
}

/** Whether a manifest says that it is an image: a config of one, and layers of one if there are any. */
export function claimsToBeImage({ config, layers }: Pick<ImageContent, "config" | "layers">): boolean {
  const hasLayers = layers.length === 0 || layers.some(({ mediaType }) => isLayerType(mediaType));
  return isConfigType(config.mediaType) && hasLayers;
}

function parse(bytes: Uint8Array, image: ImageContent): ImageConfig {
  try {
    return parseImageConfig(bytes);
  } catch (error) {
    const found = findError(error);
    const { digest } = image.config;
    throw found ? withMessage(found, `config ${digest}: ${found.message}`, { digest }) : error;
  }
}

function refused({ manifest: { digest } }: ImageContent, reason: string): ErrInvalidArgument {
  return new ErrInvalidArgument(`manifest ${digest}: ${reason}`, { digest });
}
