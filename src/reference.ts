/**
 * Image references: distribution/reference's functions by their own names. `parseNormalizedNamed` and `parseDockerRef`
 * read what people type, `parseNamed` and `parse` what programs wrote; `familiarString` is the way back.
 * @module
 */
export type { Digest } from "./digest/digest.ts";
export { compareReferences, sortReferences } from "./reference/compare.ts";
export { isNameOnly, tagNameOnly, trimNamed, withDigest, withTag } from "./reference/derive.ts";
export { familiarMatch, familiarName, familiarString } from "./reference/familiar.ts";
export {
  parseAnyReference,
  parseDockerRef,
  parseNamed,
  parseNormalizedNamed,
} from "./reference/normalize.ts";
export { parse, withName } from "./reference/parse.ts";
export type { NamedReference, NormalizedReference, Reference } from "./reference/reference.ts";
