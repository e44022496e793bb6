/**
 * How all blobs move in a run of tests, whatever size these have and whatever is asked for: all that is promised of an engine holds each way.
 * In threads or not, by `DRAYAGE_TEST_WORKERS`, and in ranges or not, by `DRAYAGE_TEST_RANGES`: `all` or `none`, by default what an
 * engine chooses itself.
 */
import type * as ranges from "../../../src/remotes/ranges/ranges.ts";
import type * as threads from "../../../src/remotes/threads/transfer-threads.ts";

/** Threads where there are some; more than one, so that blobs of a pull are in different ones. */
const WORKERS = 2;

/** Several connections for each content at once, and ranges that also a small one has some of. */
const IN_RANGES: ranges.RangeOptions = { fromBytes: 1, atOnce: 8, pieceBytes: 16 * 1024, stepMs: 0 };

const IN_ONE_STREAM: ranges.RangeOptions = { fromBytes: Number.POSITIVE_INFINITY };

const WAYS: ReadonlySet<string | undefined> = new Set(["all", "none"]);

/** What a variable says, if it says anything. Throws for what means nothing: a run would test the wrong thing. */
function way(variable: string): string | undefined {
  const { [variable]: value } = process.env;
  if (value === undefined || WAYS.has(value)) return value;
  throw new TypeError(`Cannot run tests: got ${variable}=${value}, wanted all or none`);
}

/** Whether blobs come in ranges; `undefined`: as an engine chooses. */
export const RANGES = way("DRAYAGE_TEST_RANGES");

/** Whether blobs are received in threads; `undefined`: as an engine chooses. */
export const THREADS = way("DRAYAGE_TEST_WORKERS");

/** `Ranges` as a run was told. */
export function rangesAsTold({ Ranges }: Pick<typeof ranges, "Ranges">): typeof Ranges {
  if (RANGES === undefined) return Ranges;
  const how = RANGES === "all" ? IN_RANGES : IN_ONE_STREAM;
  return class extends Ranges {
    constructor(options: ranges.RangeOptions = {}, parts: ranges.RangesParts = {}) {
      super({ ...options, ...how }, parts);
    }
  };
}

/** `TransferThreads` as a run was told. */
export function threadsAsTold({
  TransferThreads,
}: Pick<typeof threads, "TransferThreads">): typeof TransferThreads {
  if (THREADS === undefined) return TransferThreads;
  const workers = THREADS === "all" ? WORKERS : 0;
  return class extends TransferThreads {
    constructor(options: threads.TransferThreadsOptions) {
      super({ ...options, workers, bytesPerWorker: 0 });
    }
  };
}
