import type { ImageStore } from "../images/image-store.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { NormalizedReference } from "../reference/reference.ts";
import type { PulledImage } from "./distribution.ts";
import type { Operation } from "./operation.ts";

/** Gives what a pull has brought its name, and tells whether that is something new. */
export async function nameImage(
  reference: NormalizedReference,
  target: Descriptor,
  { shared, operation }: { readonly shared: { readonly images: ImageStore }; readonly operation: Operation },
): Promise<Pick<PulledImage, "name" | "target" | "updated">> {
  const fullName = reference.toString();
  const { data: _, ...named } = target; // the bytes are in the store now
  const before = await shared.images.tag(fullName, named, operation);
  return { name: fullName, target: named, updated: before?.digest !== target.digest };
}
