import { randomUUID } from "node:crypto";
import { describeArguments } from "./arguments.ts";
import { type Found, gather } from "./cases.ts";
import { describeCommit } from "./commit.ts";
import { describeFilters } from "./filters.ts";
import { describeIngests } from "./ingests.ts";
import { describeManager } from "./manager.ts";
import { describeReading } from "./reading.ts";
import { describeResume } from "./resume.ts";
import { type StoreFixture, underTest } from "./store-under-test.ts";
import { describeWriters } from "./writers.ts";

/** One thing that a store must do. */
export interface StoreCase {
  /** What it is, with the block that it belongs to; no other case has the same. Names of containerd's suite begin those of its cases. */
  readonly name: string;
  /**
   * Opens a store, tries it, and disposes of it. Throws an `AssertionError` when the store does something else, and what the store
   * throws.
   */
  run(): Promise<void>;
}

/**
 * What every implementation of `Store` does, as cases for any test framework: those of containerd's `content/testsuite`, and the
 * contract of the interfaces. They may run in any order, and at the same time.
 *
 * ```ts
 * for (const { name, run } of storeContract(openMyStore)) test(name, run);
 * ```
 *
 * @param open an empty store for one case, its traits where it differs from drayage's own, and how it is disposed of
 */
export function storeContract(open: () => Promise<StoreFixture>): readonly StoreCase[] {
  return casesFor(() => {
    throw new Error("no case is running");
  }).map(({ path }, at) => ({ name: path.join(", "), run: () => runCase(at, open) }));
}

/** The cases for one store; gathered anew for each run, so that runs have nothing in common. */
function casesFor(opened: () => StoreFixture): readonly Found[] {
  // A store may have kept what another run has written, or keep it for all who name its digest, as containerd does.
  const store = underTest(randomUUID(), opened);
  return gather(() => {
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

async function runCase(at: number, open: () => Promise<StoreFixture>): Promise<void> {
  const fixture = await open();
  try {
    await casesFor(() => fixture)[at]?.body();
  } finally {
    await fixture.dispose();
  }
}
