import type { AbortOptions } from "../async/abort.ts";
import { KeyedLock, type Release } from "../async/keyed-lock.ts";
import { SharedCalls } from "../async/shared-calls.ts";
import type { Digest } from "../digest/digest.ts";

/**
 * Whose turn it is to change the labels of blobs, where a label is read, changed and written whole. Those who want the
 * same change at the same time make it once: a thousand pulls of one image end together.
 */
export class LabelTurns {
  readonly #turns = new KeyedLock();
  readonly #changes = new SharedCalls<void>();

  /** Makes the change that `what` names with `change`, or waits for whoever makes it. Rejects with what `change` rejects with. */
  async take(
    { digests, what }: { readonly digests: readonly Digest[]; readonly what: string },
    change: (options: AbortOptions) => Promise<void>,
    options: AbortOptions,
  ): Promise<void> {
    const inTurn = async (signal: AbortSignal): Promise<void> => {
      const releases: Release[] = [];
      try {
        // In one order for all, so that no two wait for each other.
        for (const digest of digests.toSorted()) releases.push(await this.#turns.acquire(digest, { signal }));
        await change({ signal });
      } finally {
        for (const release of releases) release();
      }
    };
    await this.#changes.run(`${what} ${digests.join()}`, inTurn, options);
  }
}
