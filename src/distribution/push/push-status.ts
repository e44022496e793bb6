import type { Descriptor } from "../../oci/descriptor.ts";
import { type MessageProgress, message } from "../../progress/progress.ts";
import { trimNamed } from "../../reference/derive.ts";
import type { NormalizedReference } from "../../reference/reference.ts";
import type { PushOutcome } from "../../remotes/pusher.ts";

const MOUNTED = "Mounted from ";

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
    return outcome.kind === "mounted" ? `${MOUNTED}${outcome.from}` : "Pushed";
  },
  /** What that was; `undefined` for another word. */
  outcomeOf(action: string): PushOutcome["kind"] | undefined {
    if (action === "Pushed") return "uploaded";
    if (action === "Layer already exists") return "exists";
    return action.startsWith(MOUNTED) ? "mounted" : undefined;
  },
} as const;
