import type { AbortOptions } from "../async/abort.ts";
import type { Digest } from "../digest/digest.ts";
import type { Image, ImageStore } from "./image-store.ts";

/** An image that was looked up. */
export interface IdentifiedImage extends Image {
  /**
   * Digest of its config, which docker calls the image's ID: of an index, of the image in it for this machine, or else of the first
   * one that is here. That of something that names no config is the digest of its target.
   */
  readonly id: Digest;
  /** Every name that points at this target, sorted. */
  readonly names: readonly string[];
}

/** Names by which images are looked up as docker looks them up. */
export interface ImageLookup extends ImageStore {
  /**
   * The image that `text` means: its whole ID or the digest of its target, with or without algorithm; a name in familiar or full form,
   * `latest` where it has no tag, or with a digest, whatever its tag; or the beginning of one of those digests, at least 4 digits
   * of it. In this order, as docker does. Throws `ErrNotFound`, and `ErrInvalidArgument` for a malformed text, and for the beginning
   * of more than one ID.
   */
  find(text: string, options?: AbortOptions): Promise<IdentifiedImage>;
  /** Everything that has a name, each target once, by its first name; in the order of these. */
  identify(options?: AbortOptions): Promise<readonly IdentifiedImage[]>;
}
