import type { Digest } from "../digest/digest.ts";
import { type MessageProgress, message } from "../progress/progress.ts";
import { familiarString } from "../reference/familiar.ts";
import type { NormalizedReference } from "../reference/reference.ts";

/** The lines that docker prints around a pull (as in moby): tools match on them. */
export const pullStatus = {
  /** Before the first layer; the id is the tag, or the whole reference of a pull by digest. */
  pullingFrom(reference: NormalizedReference): MessageProgress {
    const id = reference.digest ? familiarString(reference) : (reference.tag ?? "");
    return message(id, `Pulling from ${reference.path}`);
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
