import { BoundedMap } from "../async/bounded-map.ts";
import { findError } from "../errors/predicates.ts";

/** Contents that are remembered; of one that is forgotten a part is asked for once more. */
const MAX_REMEMBERED = 1_024;

/** Remembers of which content a part could not be had, whatever the reason: the whole is asked for from then on. */
export class RangeTrials {
  readonly #refused = new BoundedMap<string, true>(MAX_REMEMBERED);

  /** Opens content from `offset`, or from its start where its server broke at a part before. Throws what `open` throws. */
  async open<T>(content: string, offset: number, open: (offset: number) => Promise<T>): Promise<T> {
    const isRange = offset > 0 && !this.#refused.get(content);
    try {
      return await open(isRange ? offset : 0);
    } catch (error) {
      // A server that breaks at a range would break at each further attempt, and at each further pull.
      const { httpStatus = 0, retryAfterMs, answeredBy } = findError(error) ?? {};
      const isBroken = httpStatus >= 500 && retryAfterMs === undefined && answeredBy !== "token server";
      if (isRange && isBroken) this.#refused.set(content, true);
      throw error;
    }
  }
}
