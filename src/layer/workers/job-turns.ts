import { Slices } from "../../async/slices.ts";
import type { UnpackOutcome } from "../unpack/unpack-outcome.ts";
import type { JobState } from "./job-state.ts";
import type { PieceRing } from "./piece-ring.ts";
import { type JobManners, runJob } from "./run-job.ts";
import type { UnpackJob } from "./unpack-job.ts";

/** What all jobs of a thread have in common. */
export type JobTurnsOptions = Required<Pick<JobManners, "isShared" | "onWait">>;

/** The jobs of one thread. They work in slices, and one that waits for bytes is in nobody's way. */
export class JobTurns {
  readonly #manners: JobTurnsOptions;

  constructor(manners: JobTurnsOptions) {
    this.#manners = manners;
  }

  /**
   * Does a job, beside those that are under way. Throws what the job throws.
   *
   * @param ring where its pieces come from, when another thread makes them
   */
  async run(job: UnpackJob, state: JobState, ring?: PieceRing): Promise<UnpackOutcome> {
    const { pause } = new Slices();
    return await runJob(job, state, { ...this.#manners, pieces: ring?.read(), pause });
  }
}
