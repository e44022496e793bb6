import { type Digest, isDigest } from "../digest/digest.ts";
import { TAG } from "./grammar.ts";
import { invalidReference } from "./invalid-reference.ts";
import { makeReference, type NamedReference, type NormalizedReference, type Reference } from "./reference.ts";

/** The tag that stands for none. */
const DEFAULT_TAG = "latest";

/** The reference with another tag; a digest stays. Throws `ErrInvalidArgument` "invalid tag format". */
export function withTag(reference: NormalizedReference, tag: string): NormalizedReference;
export function withTag(reference: NamedReference, tag: string): NamedReference;
export function withTag(reference: NamedReference, tag: string): NamedReference {
  if (!TAG.test(tag)) throw invalidReference("invalid tag format", tag);
  const { domain, path, digest } = reference;
  return makeReference({ domain, path, tag, digest });
}

/** The reference with another digest; a tag stays. Throws `ErrInvalidArgument` "invalid digest format". */
export function withDigest(reference: NormalizedReference, digest: Digest): NormalizedReference;
export function withDigest(reference: NamedReference, digest: Digest): NamedReference;
export function withDigest(reference: NamedReference, digest: Digest): NamedReference {
  if (!isDigest(digest)) throw invalidReference("invalid digest format", digest);
  const { domain, path, tag } = reference;
  return makeReference({ domain, path, tag, digest });
}

/** The repository alone. */
export function trimNamed(reference: NormalizedReference): NormalizedReference;
export function trimNamed(reference: NamedReference): NamedReference;
export function trimNamed({ domain, path }: NamedReference): NamedReference {
  return makeReference({ domain, path });
}

/** Whether the reference has neither tag nor digest. */
export function isNameOnly(reference: Reference): boolean {
  return reference.tag === undefined && reference.digest === undefined;
}

/** The reference with the tag "latest" if it has neither tag nor digest. */
export function tagNameOnly(reference: NormalizedReference): NormalizedReference;
export function tagNameOnly(reference: NamedReference): NamedReference;
export function tagNameOnly(reference: NamedReference): NamedReference {
  return isNameOnly(reference) ? withTag(reference, DEFAULT_TAG) : reference;
}
