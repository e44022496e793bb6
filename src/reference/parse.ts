import { type Digest, parseDigest } from "../digest/digest.ts";
import { messageOf } from "../errors/message-of.ts";
import { MAX_PATH_LENGTH, REFERENCE, REPOSITORY_NAME } from "./grammar.ts";
import { checkText, invalidReference } from "./invalid-reference.ts";
import { makeReference, type NamedReference } from "./reference.ts";

/**
 * Reads `[domain/]path[:tag][@digest]` as it stands: nothing is added, and the first of several components counts as
 * domain whenever it can be one. Use `parseNormalizedNamed` for what people type.
 *
 * Throws `ErrInvalidArgument` with the texts of distribution/reference: "repository name must have at least one
 * component" (empty), "repository name must be lowercase", "repository name must not be more than 255 characters",
 * "invalid reference format", or those of `parseDigest`.
 */
export function parse(text: string): NamedReference {
  checkText(text);
  return parseFor(text, text);
}

/** `parse` of a text that was made from `input`; the error then shows what the caller wrote. */
export function parseFor(input: string, text: string): NamedReference {
  if (text === "") throw invalidReference("repository name must have at least one component", input);
  const match = REFERENCE.exec(text);
  if (!match) throw invalidReference(mismatch(text), input);
  const { domain, path = "", tag, digest } = match.groups ?? {};
  checkPath(path, input);
  return makeReference({
    domain,
    path,
    tag,
    digest: digest === undefined ? digest : parsePart(digest, input),
  });
}

/**
 * The reference of a repository's name, without tag and digest. Throws `ErrInvalidArgument`: "invalid reference format"
 * or "repository name must not be more than 255 characters".
 */
export function withName(name: string): NamedReference {
  checkText(name);
  const match = REPOSITORY_NAME.exec(name);
  if (!match) throw invalidReference("invalid reference format", name);
  const { domain, path = "" } = match.groups ?? {};
  checkPath(path, name);
  return makeReference({ domain, path });
}

function mismatch(text: string): string {
  return REFERENCE.test(text.toLowerCase())
    ? "repository name must be lowercase"
    : "invalid reference format";
}

function checkPath(path: string, input: string): void {
  if (path.length > MAX_PATH_LENGTH) {
    throw invalidReference(`repository name must not be more than ${MAX_PATH_LENGTH} characters`, input);
  }
}

function parsePart(digest: string, input: string): Digest {
  try {
    return parseDigest(digest);
  } catch (cause) {
    throw invalidReference(messageOf(cause), input, cause);
  }
}
