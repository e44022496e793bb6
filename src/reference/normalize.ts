import { type Digest, isDigest } from "../digest/digest.ts";
import { tagNameOnly, trimNamed, withDigest } from "./derive.ts";
import { splitDockerDomain } from "./docker-domain.ts";
import { IDENTIFIER } from "./grammar.ts";
import { checkText, invalidReference } from "./invalid-reference.ts";
import { parseFor } from "./parse.ts";
import { makeReference, type NormalizedReference, type Reference } from "./reference.ts";

/**
 * Reads what a person typed: `redis` is `docker.io/library/redis`. Tag and digest stay as they are.
 *
 * Throws `ErrInvalidArgument` with the texts of `parse` and: "invalid repository name (<text>), cannot specify 64-byte
 * hexadecimal strings", "invalid reference format: repository name (<name>) must be lowercase". Unlike there, a first
 * component that holds a dot but is no host name (`my_host.org/x`) is refused, because no registry could be meant.
 */
export function parseNormalizedNamed(text: string): NormalizedReference {
  checkText(text);
  if (IDENTIFIER.test(text)) {
    throw invalidReference(
      `invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`,
      text,
    );
  }
  const { domain, rest } = splitDockerDomain(text);
  const name = rest.split(":", 1)[0] ?? "";
  if (name !== name.toLowerCase()) {
    throw invalidReference(`invalid reference format: repository name (${name}) must be lowercase`, text);
  }
  const { path, tag, digest, ...parsed } = parseFor(text, `${domain}/${rest}`);
  if (parsed.domain !== domain) throw invalidReference("invalid reference format", text);
  return makeReference({ domain, path, tag, digest });
}

/**
 * Reads a reference that is in full form already. Throws what `parseNormalizedNamed` throws, and `ErrInvalidArgument`
 * "repository name must be canonical" when the full form reads otherwise.
 */
export function parseNamed(text: string): NormalizedReference {
  const reference = parseNormalizedNamed(text);
  if (reference.toString() !== text) throw invalidReference("repository name must be canonical", text);
  return reference;
}

/**
 * Reads what a person typed as exactly one image: a digest wins over a tag, and without either the tag is "latest".
 * Throws what `parseNormalizedNamed` throws.
 */
export function parseDockerRef(text: string): NormalizedReference {
  const reference = parseNormalizedNamed(text);
  return reference.digest === undefined
    ? tagNameOnly(reference)
    : withDigest(trimNamed(reference), reference.digest);
}

/**
 * Reads an image's id, whole (64 hexadecimal digits) or as digest, as a reference that is a digest alone; everything else
 * as `parseNormalizedNamed` does, which says what is thrown.
 */
export function parseAnyReference(text: string): Reference {
  checkText(text);
  if (IDENTIFIER.test(text)) return makeReference({ digest: `sha256:${text}` as Digest });
  return isDigest(text) ? makeReference({ digest: text }) : parseNormalizedNamed(text);
}
