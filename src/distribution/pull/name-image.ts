import type { ImageStore } from "../../images/image-store.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { NormalizedReference } from "../../reference/reference.ts";
import type { PulledImage } from "../api/distribution.ts";
import { type Operation, waiterOf } from "../api/operation.ts";
import { pullStatus } from "./pull-status.ts";

/** Gives what a pull has brought its name, and tells whether that is something new. */
export async function nameImage(
  reference: NormalizedReference,
  target: Descriptor,
  { shared, operation }: { readonly shared: { readonly images: ImageStore }; readonly operation: Operation },
): Promise<Pick<PulledImage, "name" | "target" | "previous" | "updated">> {
  const fullName = reference.toString();
  const { data: _, ...named } = target; // the bytes are in the store now
  const waiter = waiterOf(operation, pullStatus.idOf(reference));
  const previous = await shared.images.tag(fullName, named, {
    signal: operation.signal,
    waiter,
    cause: "pull",
  });
  return { name: fullName, target: named, previous, updated: previous?.digest !== target.digest };
}
