import type { AbortOptions } from "../../async/abort.ts";
import { isContaining } from "../../content/containing-store.ts";
import type { Store } from "../../content/store.ts";
import type { Digest } from "../../digest/digest.ts";
import { ErrNotImplemented } from "../../errors/classes.ts";

/** What became of damaged bytes. */
export interface Containment {
  readonly contained: boolean;
  readonly error?: unknown;
}

/** Takes damaged content out of the way, as far as the store and the disk allow. Throws the abort error. */
export async function containDamage(
  content: Store,
  damaged: Iterable<Digest>,
  { signal }: AbortOptions,
): Promise<ReadonlyMap<Digest, Containment>> {
  const outcomes = new Map<Digest, Containment>();
  for (const digest of damaged) outcomes.set(digest, await contain(content, digest, { signal }));
  return outcomes;
}

async function contain(content: Store, digest: Digest, options: AbortOptions): Promise<Containment> {
  if (!isContaining(content)) {
    const error = new ErrNotImplemented(`contain ${digest}: this store cannot set content aside`, { digest });
    return { contained: false, error };
  }
  try {
    await content.setAside(digest, options);
    return { contained: true };
  } catch (error) {
    if (options.signal?.aborted) throw error;
    return { contained: false, error }; // on a read-only disk it can only be named
  }
}
