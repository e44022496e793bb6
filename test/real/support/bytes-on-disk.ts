import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { join } from "node:path";
import { encodedOf } from "../../../src/digest/digest.ts";
import type { Descriptor } from "../../../src/oci/descriptor.ts";

/** How many bytes of a blob are safe in a data root, whether it is complete or not. */
export function bytesOnDisk(root: string, { digest }: Descriptor): number {
  const ref = createHash("sha256").update(`layer-${digest}`).digest("hex");
  const places = [join("ingest", ref, "data"), join("blobs", "sha256", encodedOf(digest))];
  return Math.max(...places.map((path) => statSync(join(root, path), { throwIfNoEntry: false })?.size ?? 0));
}
