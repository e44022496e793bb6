import { parseAnyReference } from "./normalize.ts";
import type { Reference } from "./reference.ts";

/**
 * Orders references for people, the most telling first (distribution/reference `Sort`): name:tag@digest, name:tag,
 * name@digest, name, digest; equals by their text. For `Array.prototype.sort`.
 */
export function compareReferences(a: Reference, b: Reference): number {
  return rank(a) - rank(b) || compareText(a.toString(), b.toString());
}

/** The texts read by `parseAnyReference`, in full form and in the order of `compareReferences`; what is none comes last. */
export function sortReferences(texts: readonly string[]): string[] {
  const references: Reference[] = [];
  const others: string[] = [];
  for (const text of texts) {
    try {
      references.push(parseAnyReference(text));
    } catch {
      others.push(text); // it has its place in the order
    }
  }
  return [...references.sort(compareReferences).map(String), ...others.sort(compareText)];
}

function rank({ path, tag, digest }: Reference): number {
  if (path === undefined) return 4;
  if (tag === undefined) return digest === undefined ? 3 : 2;
  return digest === undefined ? 1 : 0;
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
