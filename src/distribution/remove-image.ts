import type { AbortOptions } from "../async/abort.ts";
import type { Store } from "../content/store.ts";
import type { Digest } from "../digest/digest.ts";
import { isNotFound } from "../errors/predicates.ts";
import type { ImageStore } from "../images/image-store.ts";
import { reachableContent } from "../images/reachable.ts";
import type { RemovedImage } from "./distribution.ts";
import type { RootLease } from "./root-lease.ts";

/** What a removal works on. */
export interface RemoveContext {
  readonly content: Store;
  readonly images: ImageStore;
  readonly lease: RootLease;
}

/**
 * Takes a name away, and then the content that only this name needed. Content that came by other ways than a name (an
 * engine's own ingests) is never touched. While a pull runs anywhere on the root, only the name goes.
 */
export async function removeImage(
  { content, images, lease }: RemoveContext,
  name: string,
  options: AbortOptions,
): Promise<RemovedImage> {
  const untagged = await images.untag(name, options);
  const deleted = await lease.alone(async () => {
    const needed = await reachableContent(content, await images.roots(options), options);
    const mine = await reachableContent(content, [untagged.target], options);
    return await deleteAll(
      content,
      [...mine.keys()].filter((digest) => !needed.has(digest)),
      options,
    );
  });
  return { untagged, deleted: deleted ?? [], kept: deleted === undefined };
}

async function deleteAll(
  content: Store,
  digests: readonly Digest[],
  options: AbortOptions,
): Promise<readonly Digest[]> {
  for (const digest of digests) {
    try {
      await content.delete(digest, options);
    } catch (error) {
      if (!isNotFound(error)) throw error; // gone already is what was wanted
    }
  }
  return digests;
}
