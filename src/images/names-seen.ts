import type { Descriptor } from "../oci/descriptor.ts";
import { imageEvent } from "./image-event.ts";
import type { ImageEvent } from "./image-store.ts";
import { type IndexEntry, imageOfEntry } from "./index-entry.ts";

/** Told of a name that somebody else has changed. */
export type OnElsewhere = (kind: "tag" | "untag", event: ImageEvent) => void;

/**
 * The names of an index as this process knows them, by what it has read and written; each change that it sees and has not made is
 * somebody else's.
 */
export class NamesSeen {
  readonly #tell: OnElsewhere;
  #known: ReadonlyMap<string, Descriptor> | undefined;

  constructor(tell: OnElsewhere) {
    this.#tell = tell;
  }

  /** The index is like this, and nobody of this process is changing it. The first look tells of nothing. */
  seen(entries: readonly IndexEntry[]): void {
    const before = this.#known;
    const now = targetsOf(entries);
    this.#known = now;
    if (!before) return;
    for (const [name, target] of now) {
      const previous = before.get(name);
      if (previous?.digest === target.digest) continue;
      this.#tell("tag", imageEvent({ name, target }, "elsewhere", previous));
    }
    for (const [name, target] of before) {
      if (!now.has(name)) this.#tell("untag", imageEvent({ name, target }, "elsewhere"));
    }
  }

  /** This process has written it like this. */
  wrote(entries: readonly IndexEntry[]): void {
    this.#known = targetsOf(entries);
  }
}

/** What names point at; of a name that is listed twice the first one counts. */
function targetsOf(entries: readonly IndexEntry[]): ReadonlyMap<string, Descriptor> {
  const targets = new Map<string, Descriptor>();
  for (const entry of entries) {
    const image = imageOfEntry(entry);
    if (image && !targets.has(image.name)) targets.set(image.name, image.target);
  }
  return targets;
}
