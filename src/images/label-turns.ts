import type { AbortOptions } from "../async/abort.ts";
import { KeyedLock } from "../async/keyed-lock.ts";
import { SharedCalls } from "../async/shared-calls.ts";
import type { Digest } from "../digest/digest.ts";

/**
 * Whose turn it is to change the labels of a blob, where a label is read, changed and written whole. Those who want the
 * same change at the same time make it once: a thousand pulls of one image end together.
 */
export class LabelTurns {
  readonly #turns = new KeyedLock();
  readonly #changes = new SharedCalls<void>();

  /** Makes the change that `what` names with `change`, or waits for whoever makes it. Rejects with what `change` rejects with. */
  async take(
    { digest, what }: { readonly digest: Digest; readonly what: string },
    change: (options: AbortOptions) => Promise<void>,
    options: AbortOptions,
  ): Promise<void> {
    const inTurn = async (signal: AbortSignal): Promise<void> => {
      const release = await this.#turns.acquire(digest, { signal });
      try {
        await change({ signal });
      } finally {
        release();
      }
    };
    await this.#changes.run(`${digest} ${what}`, inTurn, options);
  }
}
