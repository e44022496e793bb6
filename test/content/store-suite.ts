import { describe, it } from "vitest";
import { type StoreFixture, storeContract } from "../../src/testing.ts";

/**
 * What every implementation of `Store` does, as embedders can ask it of theirs. `open` gives an empty store for each test, and tells in
 * which of the `StoreTraits` it differs.
 */
export function describeStore(name: string, open: () => Promise<StoreFixture>): void {
  describe(name, () => {
    for (const { name: title, run } of storeContract(open)) it(title, run);
  });
}
