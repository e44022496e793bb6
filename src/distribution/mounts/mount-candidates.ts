import type { MountSource } from "./mount-source-store.ts";

/** A repository, as far as candidates are compared with it. */
export interface MountTarget {
  readonly domain: string;
  readonly path: string;
}

/** What decides about candidates. */
export interface CandidateOptions {
  readonly target: MountTarget;
  /** Whether the present credentials saw the source, see `credentialsHmac`. */
  readonly isOurs: (source: MountSource) => boolean;
  /** How many to return. */
  readonly max: number;
}

/** Sizes above which another try to mount costs less than the upload, in bytes, and the tries that they are worth. */
const TRIES_BY_SIZE = [
  { aboveBytes: 10 * 1024 * 1024, tries: 4 },
  { aboveBytes: 100 * 1024, tries: 3 },
  { aboveBytes: -1, tries: 1 },
] as const;

/** How many mounts a blob of this size is worth (as in moby). */
export function mountTries(sizeBytes: number): number {
  return TRIES_BY_SIZE.find(({ aboveBytes }) => sizeBytes > aboveBytes)?.tries ?? 1;
}

/**
 * The sources worth asking for, best first (as in moby): of the target's own registry, not the target itself; those that
 * the present credentials saw before the others, then those with more leading path components in common, then newest first
 * as given. Each repository once.
 */
export function mountCandidates(
  sources: readonly MountSource[],
  { target, isOurs, max }: CandidateOptions,
): readonly MountSource[] {
  const own = `${target.domain}/${target.path}`;
  return sources
    .filter(({ repository }) => repository.startsWith(`${target.domain}/`) && repository !== own)
    .map((source) => ({ source, ours: isOurs(source), common: commonComponents(source.repository, own) }))
    .toSorted((a, b) => Number(b.ours) - Number(a.ours) || b.common - a.common)
    .map(({ source }) => source)
    .filter(({ repository }, at, all) => at === all.findIndex((other) => other.repository === repository))
    .slice(0, max);
}

function commonComponents(a: string, b: string): number {
  const others = b.split("/");
  const differing = a.split("/").findIndex((component, index) => component !== others[index]);
  return differing === -1 ? others.length : differing;
}
