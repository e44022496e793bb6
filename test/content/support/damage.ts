import { chmod, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { algorithmOf, type Digest, encodedOf } from "../../../src/digest/digest.ts";

/** What may happen to the file of a blob behind our backs. */
export type DamageKind = "cut" | "flipped" | "emptied" | "removed";

/** All of it. */
export const DAMAGE_KINDS: readonly DamageKind[] = ["cut", "flipped", "emptied", "removed"];

/** The file of a blob in the store at `root`. */
export function blobFile(root: string, digest: Digest): string {
  return join(root, "blobs", algorithmOf(digest), encodedOf(digest));
}

/** Damages the file of a blob. */
export async function damage(root: string, digest: Digest, kind: DamageKind): Promise<void> {
  const path = blobFile(root, digest);
  if (kind === "removed") return await rm(path);
  await chmod(path, 0o644);
  const bytes = await readFile(path);
  if (kind === "cut") return await truncate(path, bytes.byteLength - 1);
  if (kind === "emptied") return await truncate(path, 0);
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  await writeFile(path, bytes);
}
