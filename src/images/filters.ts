import { ErrNotFound } from "../errors/classes.ts";
import type { Descriptor, Platform } from "../oci/descriptor.ts";
import { isIndexType, isNonDistributable } from "../oci/media-types.ts";
import type { PlatformMatcher } from "../platform/matcher.ts";
import { ErrSkipDesc, type Handler } from "./handler.ts";

/** Keeps the children that name no platform or one that matches (containerd `images.FilterPlatforms`). */
export function filterPlatforms(handler: Handler, matcher: PlatformMatcher): Handler {
  return async (descriptor, options) => {
    const children = await handler(descriptor, options);
    return children.filter(({ platform }) => platform === undefined || matcher.match(platform));
  };
}

/** Which manifests of an index are kept. */
export interface ManifestLimit {
  /** Decides the order: best first. */
  readonly matcher: PlatformMatcher;
  /** How many are kept; 0 keeps all. */
  readonly count: number;
  /** What was asked for, for the error: `linux/arm64`. */
  readonly wanted: string;
}

/**
 * Orders the children of an index, best platform first and those without a platform last, and keeps the first of them.
 * Other descriptors pass through. Throws `ErrNotFound` when nothing is left of an index (containerd
 * `images.LimitManifests`, in moby's words; put it outside `filterPlatforms`).
 */
export function limitManifests(handler: Handler, { matcher, count, wanted }: ManifestLimit): Handler {
  return async (descriptor, options) => {
    const children = await handler(descriptor, options);
    if (!isIndexType(descriptor.mediaType)) return children;
    const ordered = children.toSorted((a, b) => comparePlatforms(a, b, matcher));
    if (count === 0) return ordered;
    if (ordered.length === 0) {
      const message = `no matching manifest for ${wanted} in the manifest list entries`;
      throw new ErrNotFound(message, { digest: descriptor.digest });
    }
    return ordered.slice(0, count);
  };
}

/** Entries of an index in the order in which they are wanted: best platform first, those without any, other ones, no images. */
export function bestFirst(entries: readonly Descriptor[], matcher: PlatformMatcher): readonly Descriptor[] {
  const rank = ({ platform }: Descriptor): number => {
    if (platform === undefined) return 1;
    if (matcher.match(platform)) return 0;
    return isNowhere(platform) ? 3 : 2;
  };
  return entries.toSorted((a, b) => rank(a) - rank(b) || comparePlatforms(a, b, matcher));
}

/** Whether a platform says that what has it runs nowhere, as that of an attestation does. */
export function isNowhere({ os }: Platform): boolean {
  return os === "unknown" || os === "";
}

function comparePlatforms(a: Descriptor, b: Descriptor, matcher: PlatformMatcher): number {
  if (!a.platform || !b.platform) return Number(!a.platform) - Number(!b.platform);
  if (matcher.less(a.platform, b.platform)) return -1;
  return matcher.less(b.platform, a.platform) ? 1 : 0;
}

/** Leaves out layers that may not be redistributed (containerd `images.SkipNonDistributableBlobs`). */
export function skipNonDistributable(handler: Handler): Handler {
  return async (descriptor, options) => {
    if (isNonDistributable(descriptor.mediaType)) throw ErrSkipDesc;
    const children = await handler(descriptor, options);
    return children.filter(({ mediaType }) => !isNonDistributable(mediaType));
  };
}
