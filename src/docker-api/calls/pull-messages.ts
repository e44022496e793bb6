import { type DockerMessage, toDockerMessage } from "../../progress/docker-message.ts";
import type { PlanProgress, Progress } from "../../progress/progress.ts";

/** How a pull begins with a name. */
const BEGINNING = "Pulling from ";

/** The last word of a pull, which says whether it brought anything. */
const STATUS = "Status: ";

/** What dockerd tells of a pull: of an image that is here no layers, and at the end what the name means now and meant before. */
export class PullMessages {
  /** Whether a layer has come. */
  hasPulled = false;
  readonly #configs = new Set<string>();
  /** Whether the image that is pulled just now was not here. */
  #isNew = false;

  /** The message for one step; `undefined` where dockerd says nothing. The status at the end is left to whoever knows it. */
  messageOf(progress: Progress): DockerMessage | undefined {
    if (progress.kind === "plan") this.#look(progress);
    if (progress.kind === "message") {
      if (progress.message.startsWith(BEGINNING)) this.#isNew = false;
      if (progress.message.startsWith(STATUS)) return undefined;
    }
    if (progress.kind === "update") {
      if (progress.action === "Already exists" && !this.#isNew) return undefined;
      this.hasPulled ||= progress.action === "Pull complete";
    }
    return toDockerMessage(progress);
  }

  /** A plan grows with each name: what is new in it belongs to the last one. */
  #look({ contents }: PlanProgress): void {
    for (const { kind, digest, bytesHere, size } of contents) {
      if (kind !== "config" || this.#configs.has(digest)) continue;
      this.#configs.add(digest);
      this.#isNew ||= bytesHere < size;
    }
  }
}
