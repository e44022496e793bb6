import { isCanceled } from "../../errors/predicates.ts";
import type { UnpackOutcome } from "../unpack/unpack-outcome.ts";
import type { JobState } from "./job-state.ts";
import { PieceRing } from "./piece-ring.ts";
import type { Thread } from "./thread-queue.ts";
import type { UnpackJob } from "./unpack-job.ts";
import type { UnpackThread } from "./unpack-thread.ts";

/** Who does the two halves of a job. */
export interface SplitThreads {
  /** Unpacks. */
  readonly thread: Thread;
  /** Reads, verifies and decompresses. */
  readonly helper: Pick<UnpackThread, "writePieces">;
}

/**
 * Does one job in two threads. Settles when neither does anything for it any more. Throws what either throws, and `ErrUnavailable`
 * when one dies meanwhile; the other one ends as well.
 */
export async function runSplit(
  job: UnpackJob,
  state: JobState,
  { thread, helper }: SplitThreads,
): Promise<UnpackOutcome> {
  const ring = new PieceRing();
  const written = helper.writePieces(job, state, ring);
  const unpacked = thread.run(job, state, ring);
  written.catch(() => ring.break());
  unpacked.catch(() => {
    state.cancel(); // the helper may wait for bytes of the blob
    ring.leave();
  });
  const [outcome, pieces] = await Promise.allSettled([unpacked, written]);
  if (outcome.status === "fulfilled") return outcome.value;
  // Whoever unpacks goes as far as the pieces do: what is wrong there was met first.
  throw pieces.status === "rejected" && isCanceled(outcome.reason) ? pieces.reason : outcome.reason;
}
