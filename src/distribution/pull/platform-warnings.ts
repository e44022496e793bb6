import type { PlatformChoice } from "../../images/image-graph.ts";
import type { Inspected } from "../../images/inspect-image.ts";
import type { Platform } from "../../oci/descriptor.ts";
import { formatPlatform } from "../../platform/format-platform.ts";

/**
 * What to tell about images that do not run on the platform that was wanted, in docker's words: a tag that leads to a single
 * manifest gives what it has. Nothing about artifacts, and about images that name no platform.
 */
export function platformWarnings(images: readonly Inspected[], choice: PlatformChoice): readonly string[] {
  const others = images
    .flatMap((image) => (image.kind === "image" ? [image.platform] : []))
    .filter((platform) => isKnown(platform) && !choice.matcher.match(platform));
  const wanted = choice.specified
    ? `the specified platform (${choice.wanted})`
    : `the detected host platform (${choice.wanted}) and no specific platform was requested`;
  return others.map(
    (platform) =>
      `WARNING: The requested image's platform (${formatPlatform(platform)}) does not match ${wanted}`,
  );
}

function isKnown({ os }: Platform): boolean {
  return os !== "" && os !== "unknown";
}
