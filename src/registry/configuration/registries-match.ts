import type { RegistryEntry, RegistryPlace } from "./registries-conf.ts";

/** The entry for a name, and how much of the name it stands for. */
export interface RegistryMatch {
  readonly entry: RegistryEntry;
  /** The part of the name that a location takes the place of. */
  readonly matched: string;
}

/**
 * The entry with the longest prefix that `name` begins with, a whole part of it (containers/image `FindRegistry`).
 *
 * @param name `host[:port]/path`, with the tag or digest
 */
export function matchRegistry(entries: readonly RegistryEntry[], name: string): RegistryMatch | undefined {
  let best: RegistryMatch | undefined;
  for (const entry of entries) {
    const matched = matchedPart(entry.prefix, name);
    if (matched === undefined) continue;
    if (!best || entry.prefix.length > best.entry.prefix.length) best = { entry, matched };
  }
  return best;
}

/** The name at a place: its location, and what of the name comes behind the matched part. */
export function nameAt({ location }: RegistryPlace, { matched }: RegistryMatch, name: string): string {
  return location === "" ? name : `${location}${name.slice(matched.length)}`;
}

function matchedPart(prefix: string, name: string): string | undefined {
  const end = prefix.startsWith("*.") ? endOfDomain(prefix.slice(1), name) : endOfPrefix(prefix, name);
  return end !== undefined && (end === name.length || ":/@".includes(name[end] ?? ""))
    ? name.slice(0, end)
    : undefined;
}

function endOfPrefix(prefix: string, name: string): number | undefined {
  return name.startsWith(prefix) ? prefix.length : undefined;
}

/** Where the host of `name` ends, if it is one below the domain, at any depth. */
function endOfDomain(domain: string, name: string): number | undefined {
  const host = /^[^:/@]*/.exec(name)?.[0] ?? "";
  return host.endsWith(domain) && host.length > domain.length ? host.length : undefined;
}
