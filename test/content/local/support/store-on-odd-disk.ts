import { mkdtemp, rm } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, vi } from "vitest";
import type { LocalStore } from "../../../../src/content/local/local-content-store.ts";
import { openLocalStore } from "../../../../src/content/local/local-store.ts";

/** What a test has of its store. */
interface OddDisk {
  root: string;
  store: LocalStore;
}

/** A store on a root of its own for each test of a file, which may put something in the place of `fs`: that is over with the test. */
export function storeOnOddDisk(): Readonly<OddDisk> {
  const disk: Partial<OddDisk> = {};
  beforeEach(async () => {
    disk.root = await mkdtemp(join(tmpdir(), "drayage-odd-disk-"));
    disk.store = await openLocalStore({ root: disk.root });
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    syncBuiltinESMExports();
    await disk.store?.close();
    await rm(disk.root ?? "", { recursive: true, force: true });
  });
  return disk as OddDisk;
}
