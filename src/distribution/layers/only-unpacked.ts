import { exists } from "../../content/exists.ts";
import type { InfoProvider } from "../../content/store.ts";
import { type Digest, isDigest } from "../../digest/digest.ts";
import { ErrNotFound } from "../../errors/classes.ts";
import { findError, isNotFound } from "../../errors/predicates.ts";
import type { Image } from "../../images/image-store.ts";
import { needsLayerBlobs } from "../../oci/annotations.ts";
import type { MountSourceStore } from "../mounts/mount-source-store.ts";

/** What is known of layers that are here only unpacked. */
export interface OnlyUnpackedContext {
  readonly content: InfoProvider;
  /** Which repositories have them. */
  readonly mountSources: Pick<MountSourceStore, "list">;
}

/** Repositories that a message names. */
const MAX_SHOWN_SOURCES = 3;

/**
 * Does what may need the blobs of an image, and says of one that is not here because it was dropped when it was unpacked where it can
 * come from. Throws what `work` throws, in these words.
 */
export async function explainingLack<T>(
  { content, mountSources }: OnlyUnpackedContext,
  { name, target }: Image,
  { action }: { readonly action: string },
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const digest = findError(cause)?.digest;
    if (needsLayerBlobs(target) || digest === undefined || !isDigest(digest) || !isNotFound(cause))
      throw cause;
    if (await exists(content, digest)) throw cause;
    const sources = await sourcesOf(mountSources, digest);
    const from = sources.length > 0 ? `; ${sources.join(", ")} had it` : "";
    const advice = `get it with "drayage pull ${name}", which keeps blobs`;
    const message = `${action} ${name}: layer ${digest} is here only unpacked${from}; ${advice}`;
    throw new ErrNotFound(message, { cause, digest, reference: name });
  }
}

async function sourcesOf(
  mountSources: OnlyUnpackedContext["mountSources"],
  digest: Digest,
): Promise<readonly string[]> {
  const known = await mountSources.list(digest);
  return [...new Set(known.map(({ repository }) => repository))].slice(0, MAX_SHOWN_SOURCES);
}
