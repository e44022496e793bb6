import { ErrInvalidArgument } from "../../errors/classes.ts";
import type { PlatformChoice } from "../../images/image-graph.ts";
import type { Platform } from "../../oci/descriptor.ts";
import { formatPlatform } from "../../platform/format-platform.ts";
import { hostPlatform } from "../../platform/host-platform.ts";
import { allPlatforms, containerMatcher, containerPlatform, only } from "../../platform/matcher.ts";
import { parsePlatform } from "../../platform/parse-platform.ts";
import { isNameOnly } from "../../reference/derive.ts";
import { DEFAULT_DOMAIN } from "../../reference/docker-domain.ts";
import { parseDockerRef, parseNormalizedNamed } from "../../reference/normalize.ts";
import type { NormalizedReference } from "../../reference/reference.ts";
import type { PullOptions } from "../api/distribution.ts";

/**
 * The reference that a pull means: with tag `latest` when it names none, by digest alone when it has both; bare for all
 * tags. Throws `ErrInvalidArgument` with the grammar's own texts, and for docker's reserved name `scratch`.
 */
export function parsePullReference(text: string, { allTags = false }: PullOptions): NormalizedReference {
  const reference = allTags ? parseNormalizedNamed(text) : parseDockerRef(text);
  if (reference.path === "library/scratch" && reference.domain === DEFAULT_DOMAIN) {
    throw new ErrInvalidArgument("'scratch' is a reserved name", { reference: text });
  }
  if (allTags && !isNameOnly(reference)) {
    throw new ErrInvalidArgument(`pull all tags of "${text}": tag can't be used with all tags`, {
      reference: text,
    });
  }
  return reference;
}

/**
 * The images of an index that a pull means; when nobody says, those for Linux that `host` runs, in a virtual machine if need be,
 * and then its own. Throws `ErrInvalidArgument` for a malformed or contradictory platform. */
export function choosePlatform(
  { platform, allPlatforms: all = false }: Pick<PullOptions, "platform" | "allPlatforms">,
  host: Platform = hostPlatform(),
): PlatformChoice {
  if (all && platform !== undefined) {
    throw new ErrInvalidArgument(`choose platform: got "${platform}" and all platforms, wanted one of them`);
  }
  if (all) return { matcher: allPlatforms, all, wanted: "any platform" };
  if (platform === undefined)
    return { matcher: containerMatcher(host), all, wanted: formatPlatform(containerPlatform(host)) };
  const wanted = parsePlatform(platform);
  return { matcher: only(wanted), all, wanted: formatPlatform(wanted), specified: true };
}
