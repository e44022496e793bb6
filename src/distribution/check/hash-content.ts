import type { AbortOptions } from "../../async/abort.ts";
import { forEachWithin } from "../../async/for-each-within.ts";
import { readVerified } from "../../content/read-verified.ts";
import type { Info, Store } from "../../content/store.ts";
import type { Digest } from "../../digest/digest.ts";
import { isDataLoss, isNotFound } from "../../errors/predicates.ts";
import { update } from "../../progress/progress.ts";
import type { Operation } from "../api/operation.ts";

/** Blobs that are hashed at the same time: enough to keep a disk and two processors busy. */
const MAX_HASHED_AT_ONCE = 4;

/** What hashing everything found. */
export interface HashedContent {
  readonly checked: { readonly count: number; readonly bytes: number };
  /** What is not what its name says, or cannot be read. */
  readonly damaged: ReadonlySet<Digest>;
}

/** Reads and hashes all content of a store. Throws the abort error, and errors that are not about one blob. */
export async function hashContent(content: Store, operation: Operation): Promise<HashedContent> {
  const { signal, onProgress } = operation;
  const blobs: Info[] = [];
  for await (const info of content.walk({ signal })) blobs.push(info);
  const total = blobs.reduce((sum, { size }) => sum + size, 0);
  const damaged = new Set<Digest>();
  let bytes = 0;
  const count = (more: number): void => {
    bytes += more;
    onProgress(update("content", "Verifying", bytes, total));
  };
  await forEachWithin(
    blobs,
    async ({ digest }, shared) => {
      if (await isDamaged(content, digest, { signal: shared, count })) damaged.add(digest);
    },
    { limit: MAX_HASHED_AT_ONCE, signal },
  );
  return { checked: { count: blobs.length, bytes }, damaged };
}

async function isDamaged(
  content: Store,
  digest: Digest,
  { signal, count }: AbortOptions & { readonly count: (bytes: number) => void },
): Promise<boolean> {
  try {
    for await (const chunk of readVerified(content, { digest }, { signal })) count(chunk.byteLength);
    return false;
  } catch (error) {
    if (isDataLoss(error)) return true;
    if (isNotFound(error)) return false; // it was removed after it had been listed
    throw error;
  }
}
