import type { AbortOptions } from "../../async/abort.ts";
import { forEachWithin } from "../../async/for-each-within.ts";
import type { Digest } from "../../digest/digest.ts";
import { type DockerClient, objectIn, textIn } from "./docker-client.ts";

/** Images that are asked for their layers, the newest first: one call each, and a base is nearly always among them. */
const MAX_ASKED = 512;

/** How many are asked at once. */
const AT_ONCE = 8;

/**
 * How many of an image's layers, from the lowest on, docker has already: those that one of its images begins with. Docker keeps a
 * layer by all that is below it, so that a layer above one that is missing is of no use.
 */
export async function layersThere(
  docker: Pick<DockerClient, "get">,
  diffIds: readonly Digest[],
  { signal }: AbortOptions,
): Promise<number> {
  const images = await docker.get("/images/json", { signal });
  const ids = Array.isArray(images) ? images.flatMap((image: unknown) => textIn(image, "Id") ?? []) : [];
  let most = 0;
  await forEachWithin(
    ids.slice(0, MAX_ASKED),
    async (id, abort) => {
      if (most === diffIds.length) return;
      const image = await docker.get(`/images/${encodeURIComponent(id)}/json`, { signal: abort });
      const layers: unknown = objectIn(image, "RootFS")?.["Layers"];
      if (Array.isArray(layers)) most = Math.max(most, commonBeginning(diffIds, layers));
    },
    { limit: AT_ONCE, signal },
  );
  return most;
}

function commonBeginning(diffIds: readonly Digest[], layers: readonly unknown[]): number {
  const end = diffIds.findIndex((diffId, at) => layers[at] !== diffId);
  return end < 0 ? diffIds.length : end;
}
