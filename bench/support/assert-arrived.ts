import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { type Digest, Digester, encodedOf } from "../../src/digest/digest.ts";

/**
 * Throws when a blob is not below the folder, or is another.
 *
 * @param reads whether the bytes are read through the hash as well
 */
export async function assertArrived(
  folder: string,
  wanted: readonly Digest[],
  reads: boolean,
): Promise<void> {
  const files = await readdir(folder, { recursive: true });
  const paths = new Map(files.map((file) => [basename(file), join(folder, file)]));
  for (const digest of wanted) {
    const path = paths.get(encodedOf(digest)) ?? paths.get(`sha256:${encodedOf(digest)}`);
    if (path === undefined) throw new Error(`Cannot count what arrived in ${folder}: ${digest} is not there`);
    if (!reads) continue;
    const digester = new Digester();
    for await (const chunk of createReadStream(path)) digester.update(chunk as Uint8Array);
    if (digester.digest() !== digest)
      throw new Error(`Cannot count what arrived in ${folder}: ${digest} differs`);
  }
}
