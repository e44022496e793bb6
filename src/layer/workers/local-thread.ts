import type { UnpackOutcome } from "../unpack/unpack-outcome.ts";
import type { JobState } from "./job-state.ts";
import { JobTurns } from "./job-turns.ts";
import type { UnpackJob } from "./unpack-job.ts";

/** This thread in the place of another: works in slices, and lets everybody else go on in between. */
export class LocalThread {
  readonly isDead = false;
  readonly #turns: JobTurns;

  /** @param onWait called when a job waits for bytes */
  constructor(onWait: () => void) {
    this.#turns = new JobTurns({ isShared: true, onWait });
  }

  /** Does a job. Throws what the job throws. */
  async run(job: UnpackJob, state: JobState): Promise<UnpackOutcome> {
    return await this.#turns.run(job, state);
  }

  /** There is nothing to end: a job ends when it is not wanted any more. */
  async end(): Promise<void> {}
}
