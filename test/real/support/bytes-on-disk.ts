import { createHash } from "node:crypto";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { encodedOf } from "../../../src/digest/digest.ts";
import type { Descriptor } from "../../../src/oci/descriptor.ts";

const blobPath = (digest: Descriptor["digest"]): string => join("blobs", "sha256", encodedOf(digest));

/** Whether a data root has the whole blob. */
export function isOnDisk(root: string, { digest }: Descriptor): boolean {
  return existsSync(join(root, blobPath(digest)));
}

/** How many bytes of a blob are safe in a data root, whether it is complete or not; where some lie behind a hole, no more than this. */
export function bytesOnDisk(root: string, { digest }: Descriptor): number {
  const ref = createHash("sha256").update(`layer-${digest}`).digest("hex");
  const places = [join("ingest", ref, "data"), blobPath(digest)];
  return Math.max(...places.map((path) => statSync(join(root, path), { throwIfNoEntry: false })?.size ?? 0));
}
