/**
 * Makes the engines of a test process receive all blobs in threads (`DRAYAGE_TEST_WORKERS=all`), or none (`none`), whatever size these
 * have and whatever is asked for: all that is promised of an engine holds both ways.
 */
import { vi } from "vitest";
import type { TransferThreadsOptions } from "../../src/remotes/threads/transfer-threads.ts";

/** Threads where there are some; more than one, so that blobs of a pull are in different ones. */
const WORKERS = 2;

vi.mock(
  import("../../src/remotes/threads/transfer-threads.ts"),
  async (original): Promise<typeof import("../../src/remotes/threads/transfer-threads.ts")> => {
    const real = await original();
    const workers = process.env["DRAYAGE_TEST_WORKERS"] === "all" ? WORKERS : 0;
    class TransferThreads extends real.TransferThreads {
      constructor(options: TransferThreadsOptions) {
        super({ ...options, workers, bytesPerWorker: 0 });
      }
    }
    return { ...real, TransferThreads };
  },
);
