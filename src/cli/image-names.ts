import type { PulledImage } from "../index.ts";
import { familiarString, parseNormalizedNamed } from "../reference.ts";

/** The full name of an image with its digest, as `-q` prints it. */
export function pinnedName({ name, target }: Pick<PulledImage, "name" | "target">): string {
  return name.includes("@") ? name : `${name}@${target.digest}`;
}

/** A name as people know it, `redis:7`; one that another tool gave and that is no reference is shown as it is. */
export function shownName(name: string): string {
  try {
    return familiarString(parseNormalizedNamed(name));
  } catch {
    return name;
  }
}
