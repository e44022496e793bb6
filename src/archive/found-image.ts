import type { Descriptor } from "../oci/descriptor.ts";

/** An image of an archive. */
export interface FoundImage {
  /** Points at the manifest or index: media type, digest and size, nothing more. */
  readonly target: Descriptor;
  /** What the archive calls it: a reference, or a tag alone; absent when it gives no name. */
  readonly name?: string | undefined;
}
