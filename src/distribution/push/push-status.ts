import type { Descriptor } from "../../oci/descriptor.ts";
import { type MessageProgress, message } from "../../progress/progress.ts";
import { trimNamed } from "../../reference/derive.ts";
import type { NormalizedReference } from "../../reference/reference.ts";
import type { PushOutcome } from "../../remotes/pusher.ts";

/** The lines that docker prints around a push (as in moby). */
export const pushStatus = {
  /** Before any work. */
  refersTo(target: NormalizedReference): MessageProgress {
    return message("", `The push refers to repository [${trimNamed(target).toString()}]`);
  },
  /** When a tag is in place. */
  done(tag: string, { digest, size }: Descriptor): MessageProgress {
    return message("", `${tag}: digest: ${digest} size: ${size}`);
  },
  /** The last word about a blob. */
  blob(outcome: PushOutcome): string {
    if (outcome.kind === "exists") return "Layer already exists";
    return outcome.kind === "mounted" ? `Mounted from ${outcome.from}` : "Pushed";
  },
} as const;
