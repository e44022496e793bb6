import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { type Digest, Digester, parseDigest } from "../../../src/digest/digest.ts";

/** The digests of the blobs that a data root holds, sorted; throws when the bytes of one are not what its name says. */
export async function storedBlobs(root: string): Promise<readonly Digest[]> {
  const folder = join(root, "blobs", "sha256");
  const digests: Digest[] = [];
  for (const name of (await readdir(folder)).sort()) {
    const digest = parseDigest(`sha256:${name}`);
    const digester = new Digester();
    for await (const chunk of createReadStream(join(folder, name))) digester.update(chunk as Buffer);
    const got = digester.digest();
    if (got !== digest) throw new Error(`Cannot trust blob ${digest}: its bytes are ${got}`);
    digests.push(digest);
  }
  return digests;
}
