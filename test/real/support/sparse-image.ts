import { createHash } from "node:crypto";
import { open, rename } from "node:fs/promises";
import { join } from "node:path";
import { parseDigest } from "../../../src/digest/digest.ts";
import type { Descriptor } from "../../../src/oci/descriptor.ts";
import { blobPath, writeJson, writeLayout } from "./images.ts";

const OCI = "application/vnd.oci.image";

/** Bytes hashed at once. */
const BLOCK = Buffer.alloc(1024 * 1024);

/** How many layers, of how many bytes each: a multiple of a MiB. */
export interface SparseLayers {
  readonly count: number;
  readonly bytes: number;
}

/**
 * Makes an image of layers that take no room on disk and little time to hash: zeros, and the layer's number at the end. It can
 * be moved and not be run. `folder` becomes an OCI image layout. Gives the manifest.
 */
export async function writeSparseImage(folder: string, { count, bytes }: SparseLayers): Promise<Descriptor> {
  await writeLayout(folder);
  const zeros = createHash("sha256");
  for (let at = BLOCK.length; at < bytes; at += BLOCK.length) zeros.update(BLOCK);
  const layers: Descriptor[] = [];
  for (let number = 1; number <= count; number++) {
    const tail = Buffer.from(BLOCK);
    tail.writeUInt32BE(number, tail.length - 4);
    const digest = parseDigest(`sha256:${zeros.copy().update(tail).digest("hex")}`);
    const temporary = join(folder, "blobs", `sparse.${number}`);
    await using file = await open(temporary, "w");
    await file.write(tail, 0, tail.length, bytes - tail.length);
    await rename(temporary, blobPath(folder, digest));
    layers.push({ mediaType: `${OCI}.layer.v1.tar`, digest, size: bytes });
  }
  const config = await writeJson(folder, `${OCI}.config.v1+json`, {
    os: "linux",
    architecture: "amd64",
    rootfs: { type: "layers", diff_ids: layers.map(({ digest }) => digest) },
  });
  const mediaType = `${OCI}.manifest.v1+json`;
  return await writeJson(folder, mediaType, { schemaVersion: 2, mediaType, config, layers });
}
