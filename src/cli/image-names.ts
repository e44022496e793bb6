import type { PushedImage } from "../index.ts";
import { familiarString, parseNormalizedNamed } from "../reference.ts";

/** A name and what it points at. */
export interface NamedTarget {
  readonly name: string;
  readonly target: { readonly digest: string };
}

/** The full name of an image with its digest, as `-q` prints it. */
export function pinnedName({ name, target }: NamedTarget): string {
  return name.includes("@") ? name : `${name}@${target.digest}`;
}

/** What docker tells a program of an image that it has put at a registry. */
export function pushedFacts({ name, target }: Pick<PushedImage, "name" | "target">): object {
  const { digest, size } = target;
  return { Tag: parseNormalizedNamed(name).tag ?? digest, Digest: digest, Size: size };
}

/** A name as people know it, `redis:7`; one that another tool gave and that is no reference is shown as it is. */
export function shownName(name: string): string {
  try {
    return familiarString(parseNormalizedNamed(name));
  } catch {
    return name;
  }
}
