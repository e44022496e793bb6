import { familiarName, parseNormalizedNamed } from "../reference.ts";

/** The familiar form where the name has one; names by other tools are shown as they are. */
export function displayName(name: string): string {
  try {
    const reference = parseNormalizedNamed(name);
    const suffix = `${reference.tag === undefined ? "" : `:${reference.tag}`}${reference.digest === undefined ? "" : `@${reference.digest}`}`;
    return familiarName(reference) + suffix;
  } catch {
    return name;
  }
}
