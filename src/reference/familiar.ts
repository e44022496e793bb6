import { DEFAULT_DOMAIN, OFFICIAL_PREFIX, startsWithDomain } from "./docker-domain.ts";
import { matchGlob } from "./glob.ts";
import { IDENTIFIER } from "./grammar.ts";
import { fullName, type NamedReference, type Reference, suffix } from "./reference.ts";

/**
 * The name as docker shows it: without `docker.io/`, and without `library/` too if one component is left. A name that
 * would then be read as another one (`docker.io/example.com/x`) stays in full, where distribution/reference shortens it.
 */
export function familiarName(reference: NamedReference): string {
  if (reference.domain !== DEFAULT_DOMAIN) return fullName(reference);
  const short = withoutOfficialPrefix(reference.path);
  return startsWithDomain(short) || IDENTIFIER.test(short) ? fullName(reference) : short;
}

/** The reference as docker shows it: the familiar name with tag and digest, or the digest alone. */
export function familiarString(reference: Reference): string {
  return isNamed(reference) ? `${familiarName(reference)}${suffix(reference)}` : reference.toString();
}

/**
 * Whether the shell pattern (Go's `path.Match`) fits the familiar string, or else the familiar name. `*` and `?` do not
 * match a slash. Throws `ErrInvalidArgument` for a malformed pattern.
 */
export function familiarMatch(pattern: string, reference: Reference): boolean {
  if (matchGlob(pattern, familiarString(reference))) return true;
  return isNamed(reference) && matchGlob(pattern, familiarName(reference));
}

function isNamed(reference: Reference): reference is NamedReference {
  return reference.path !== undefined;
}

function withoutOfficialPrefix(path: string): string {
  const rest = path.startsWith(OFFICIAL_PREFIX) ? path.slice(OFFICIAL_PREFIX.length) : path;
  return rest.includes("/") ? path : rest;
}
