import { SharedCalls } from "../../async/shared-calls.ts";
import type { WaitOptions } from "../../async/waiting.ts";
import type { ContentOwner } from "../../content/ownership/content-owner.ts";
import { isOwned } from "../../content/ownership/owned-store.ts";
import type { Store } from "../../content/store.ts";
import { readOnlyRoot } from "../../disk/read-only-root.ts";
import { isNotFound } from "../../errors/predicates.ts";
import type { Image, ImageStore } from "../../images/image-store.ts";
import { labelNeeds } from "../../images/needs-label.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { requireContent } from "./require-content.ts";

/** What names are kept with. */
export interface OwnedImagesParts {
  readonly images: ImageStore;
  readonly content: Store;
  readonly owner: ContentOwner;
  /** Told when what content needs could not be written on it in a store where that is only a hint. */
  readonly onHintLost: (error: unknown) => void;
}

/**
 * The names for work that has a share of the lease and has brought the content itself: what it needs is
 * written on it first.
 */
export function namingImages({ images, content, owner, onHintLost }: OwnedImagesParts): ImageStore {
  const labelling = new SharedCalls<void>(); // what many pulls name at once needs its labels once
  return {
    get: (name, options) => images.get(name, options),
    list: (options) => images.list(options),
    roots: (options) => images.roots(options),
    untag: (name, options) => images.untag(name, options),
    async tag(name, target, options) {
      await owner.claimBelow(target, options);
      try {
        await labelling.run(target.digest, (signal) => labelNeeds(content, target, { signal }), options);
      } catch (error) {
        // A store that knows who needs its content reads these labels only when a document is damaged.
        if (!isOwned(content) || isNotFound(error) || options?.signal?.aborted) throw error;
        onHintLost(error);
      }
      return await images.tag(name, target, options);
    },
  };
}

/** The names for everybody else: content that is not there gets no name, and stays while it gets one. */
export function ownedImages(parts: OwnedImagesParts): ImageStore {
  const { content, owner } = parts;
  const naming = namingImages(parts);
  return {
    ...naming,
    tag: (name: string, target: Descriptor, options: WaitOptions = {}) =>
      owner.share(async () => {
        await requireContent(content, { name, target }, options);
        return await naming.tag(name, target, options);
      }, options),
  };
}

/** `images` of a root that is only read. */
export function readingImages(images: ImageStore): ImageStore {
  return {
    ...images,
    async tag() {
      throw readOnlyRoot("tag image");
    },
    async untag() {
      throw readOnlyRoot("untag image");
    },
  };
}

/** Gives what `source` names the name `target` as well. The content stays while that happens. */
export async function tagImage(
  { images, owner }: { readonly images: ImageStore; readonly owner: ContentOwner },
  { source, target }: { readonly source: string; readonly target: string },
  options: WaitOptions,
): Promise<Image> {
  return await owner.share(async () => {
    const image = await images.get(source, options);
    await images.tag(target, image.target, options);
    return await images.get(target, options);
  }, options);
}
