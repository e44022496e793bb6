import { exists } from "../../content/exists.ts";
import type { Digest } from "../../digest/digest.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { PullShared } from "./puller.ts";

/** What one pull brings that was not here, and that is of no use when the image may not come. */
export class BroughtContent {
  readonly #shared: Pick<PullShared, "content" | "abandon">;
  readonly #digests = new Set<Digest>();

  constructor(shared: Pick<PullShared, "content" | "abandon">) {
    this.#shared = shared;
  }

  /** Notes a content that is fetched next, unless it is here. */
  async expect(descriptor: Descriptor, signal: AbortSignal | undefined): Promise<void> {
    if (!(await exists(this.#shared.content, descriptor, { signal }))) this.#digests.add(descriptor.digest);
  }

  /** Gives all of it up: it goes when nobody works here, unless something needs it then. Never rejects. */
  async abandon(): Promise<void> {
    try {
      await this.#shared.abandon([...this.#digests]);
    } catch {
      // A `prune` finds it as well, and why it was given up is what has to be told.
    }
  }
}
