import type { WaitOptions } from "../../async/waiting.ts";
import type { ContentOwner } from "../../content/ownership/content-owner.ts";
import type { SweepEntry } from "../../content/ownership/sweep-list.ts";
import type { Image } from "../../images/image-store.ts";
import type { NameStore } from "../../images/name-store.ts";
import type { RemovedImage } from "../api/distribution.ts";

/** What a removal works on. */
export interface RemoveContext {
  readonly images: Pick<NameStore, "untag">;
  readonly owner: ContentOwner;
  /** Runs a step that can be run again, with the reserve of the disk given up where it is full. */
  readonly spend: <T>(step: () => Promise<T>) => Promise<T>;
}

/**
 * Takes a name away, and then the content that only this name needed. What the name pointed at is remembered
 * first, so that a process that is killed in between leaves nothing for ever. Content that came by other ways
 * than a name (an engine's own ingests) is not touched. While work is using the root only the name goes, and
 * the content when the work has ended.
 */
export async function removeImage(
  { images, owner, spend }: RemoveContext,
  name: string,
  options: WaitOptions,
): Promise<RemovedImage> {
  const beforehand = (image: Image): Promise<void> => owner.remember(entryOf(image));
  const letGo = (): Promise<Image> => images.untag(name, { ...options, beforehand, cause: "remove" });
  const untagged = await spend(() => owner.share(letGo, { signal: options.signal, callerSweeps: true }));
  const { deleted, kept } = await spend(() => owner.sweep([entryOf(untagged)], options));
  return { untagged, deleted, kept };
}

function entryOf({ name, target }: Image): SweepEntry {
  return { digest: target.digest, kind: "graph", name };
}
