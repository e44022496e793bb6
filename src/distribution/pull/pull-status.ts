import type { Digest } from "../../digest/digest.ts";
import { type MessageProgress, message } from "../../progress/progress.ts";
import { familiarString } from "../../reference/familiar.ts";
import type { NormalizedReference } from "../../reference/reference.ts";

/** The lines that docker prints around a pull (as in moby): tools match on them. */
export const pullStatus = {
  /** Under which id a pull is shown: the tag, or the whole reference of a pull by digest. */
  idOf(reference: NormalizedReference): string {
    return reference.digest ? familiarString(reference) : (reference.tag ?? "");
  },
  /** Before the first layer. */
  pullingFrom(reference: NormalizedReference): MessageProgress {
    return message(pullStatus.idOf(reference), `Pulling from ${reference.path}`);
  },
  /** What the tag points at: an index's digest when it is one. */
  digest(digest: Digest): MessageProgress {
    return message("", `Digest: ${digest}`);
  },
  /** The last line. */
  done(reference: NormalizedReference, updated: boolean): MessageProgress {
    const familiar = familiarString(reference);
    const text = updated ? `Downloaded newer image for ${familiar}` : `Image is up to date for ${familiar}`;
    return message("", `Status: ${text}`);
  },
} as const;
