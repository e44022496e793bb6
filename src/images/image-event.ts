import type { Descriptor } from "../oci/descriptor.ts";
import type { Image, ImageCause, ImageEvent } from "./image-store.ts";

/**
 * The event of a name.
 *
 * @param image what it points at now, or pointed at until it was taken away
 * @param previous what it pointed at before; default: nothing, or nobody asked
 */
export function imageEvent({ name, target }: Image, cause: ImageCause, previous?: Descriptor): ImageEvent {
  return { name, digest: target.digest, target, previous, cause };
}
