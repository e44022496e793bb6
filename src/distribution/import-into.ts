import { type ImportOptions, type ImportSource, importImages } from "../archive/import-images.ts";
import { recordCommits } from "../content/record-commits.ts";
import type { Digest } from "../digest/digest.ts";
import type { Image } from "../images/image-store.ts";
import type { OwnedRoot } from "./owned-root.ts";

/**
 * Imports images into a root. What a failed import brought is remembered, and goes when no work uses the root: unlike a
 * download, it costs nothing to read again. Throws what `importImages` throws.
 */
export async function importInto(
  root: OwnedRoot,
  source: ImportSource,
  options: ImportOptions,
): Promise<readonly Image[]> {
  const brought = new Set<Digest>();
  const content = recordCommits(root.content, (digest) => brought.add(digest));
  try {
    return await importImages(source, { content, images: root.naming, ...options });
  } catch (error) {
    await root.abandon(brought).catch(() => {}); // the import's own failure is the one to tell
    throw error;
  }
}
