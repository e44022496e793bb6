import { describe } from "vitest";
import { describeArguments } from "./suite/arguments.ts";
import { describeCommit } from "./suite/commit.ts";
import { describeFilters } from "./suite/filters.ts";
import { describeIngests } from "./suite/ingests.ts";
import { describeManager } from "./suite/manager.ts";
import { describeReading } from "./suite/reading.ts";
import { describeResume } from "./suite/resume.ts";
import { type StoreFixture, useStore } from "./suite/store-under-test.ts";
import { describeWriters } from "./suite/writers.ts";

/**
 * What every implementation of `Store` does: the cases of containerd's `content/testsuite`, whose names
 * begin the titles, and the contract of the interfaces. `open` gives an empty store for each test, and tells in which of
 * the `StoreTraits` it differs.
 */
export function describeStore(name: string, open: () => Promise<StoreFixture>): void {
  describe(name, () => {
    const store = useStore(name, open);
    describeWriters(store);
    describeResume(store);
    describeCommit(store);
    describeIngests(store);
    describeReading(store);
    describeManager(store);
    describeFilters(store);
    describeArguments(store);
  });
}
