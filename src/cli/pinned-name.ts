import type { PulledImage } from "../index.ts";

/** The full name of an image with its digest, as `-q` prints it. */
export function pinnedName({ name, target }: Pick<PulledImage, "name" | "target">): string {
  return name.includes("@") ? name : `${name}@${target.digest}`;
}
