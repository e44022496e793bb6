import { completeImages } from "../../archive/complete-images.ts";
import { type ImportOptions, type ImportSource, importImages } from "../../archive/import-images.ts";
import { recordCommits } from "../../content/record-commits.ts";
import type { Digest } from "../../digest/digest.ts";
import type { Image } from "../../images/image-store.ts";
import { reachableContent } from "../../images/reachable.ts";
import type { VerifyImage } from "../api/verify.ts";
import { verifiersOf, verifyImage } from "../operations/verify-image.ts";
import type { OwnedRoot } from "./owned-root.ts";

/**
 * Imports images into a root, after `verify` was asked about each. What a failed import brought, and what an archive held that none of its images
 * needs, is remembered, and goes when running work has ended: unlike a download, it costs nothing to read
 * again. Throws what `importImages` throws.
 */
export async function importInto(
  root: OwnedRoot,
  source: ImportSource,
  { verify, ...options }: ImportOptions & { readonly verify: VerifyImage | undefined },
): Promise<readonly Image[]> {
  const brought = new Set<Digest>();
  const content = recordCommits(root.content, (digest) => brought.add(digest));
  try {
    const verifiers = verifiersOf(verify);
    const beforeNaming = async ({ name, target }: Image): Promise<void> => {
      if (!verifiers) return;
      const { images } = await completeImages(content, target, options);
      const about = { purpose: "import", reference: name, target, endpoint: undefined } as const;
      await verifyImage({ ...about, images, content }, verifiers, options.signal);
    };
    const images = await importImages(source, { content, images: root.naming, beforeNaming, ...options });
    await abandonUnneeded(root, brought, images);
    return images;
  } catch (error) {
    await root.abandon(brought).catch(() => {}); // the import's own failure is the one to tell
    throw error;
  }
}

/** The images are there already: what is left of their archive must not fail the import. */
async function abandonUnneeded(
  root: OwnedRoot,
  brought: ReadonlySet<Digest>,
  images: readonly Image[],
): Promise<void> {
  try {
    const needed = await reachableContent(
      root.content,
      images.map(({ target }) => target),
      {},
    );
    await root.abandon([...brought].filter((digest) => !needed.has(digest)));
  } catch {
    // A `prune` finds it as well.
  }
}
