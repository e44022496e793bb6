/** Makes the engines of a test process move blobs as the run was told. */
import { vi } from "vitest";
import { rangesAsTold, threadsAsTold } from "./told.ts";

vi.mock(import("../../../src/remotes/ranges/ranges.ts"), async (original) => {
  const real = await original();
  return { ...real, Ranges: rangesAsTold(real) };
});

vi.mock(import("../../../src/remotes/threads/transfer-threads.ts"), async (original) => {
  const real = await original();
  return { ...real, TransferThreads: threadsAsTold(real) };
});
