import { setImmediate as nextTurn } from "node:timers/promises";
import type { UnpackOutcome } from "../unpack/unpack-outcome.ts";
import type { JobState } from "./job-state.ts";
import { runJob } from "./run-job.ts";
import type { UnpackJob } from "./unpack-job.ts";

/** How long the event loop is kept waiting, in milliseconds: about what one piece of a layer takes. */
const SLICE_MS = 8;

/** This thread in the place of another: works in slices, and lets everybody else go on in between. */
export class LocalThread {
  readonly isDead = false;

  /** Does a job. Throws what the job throws. */
  async run(job: UnpackJob, state: JobState): Promise<UnpackOutcome> {
    let since = performance.now();
    const nextSlice = async (): Promise<void> => {
      await nextTurn();
      since = performance.now();
    };
    return await runJob(job, state, () => (performance.now() - since < SLICE_MS ? undefined : nextSlice()));
  }

  /** There is nothing to end: a job ends when it is not wanted any more. */
  async end(): Promise<void> {}
}
