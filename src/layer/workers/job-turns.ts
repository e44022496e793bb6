import { Slices } from "../../async/slices.ts";
import type { UnpackOutcome } from "../unpack/unpack-outcome.ts";
import type { JobState } from "./job-state.ts";
import type { PieceRing } from "./piece-ring.ts";
import { runJob } from "./run-job.ts";
import type { UnpackJob } from "./unpack-job.ts";

/** The jobs of one thread. They work in slices, and one that waits for bytes is in nobody's way. */
export class JobTurns {
  readonly #onWait: () => void;

  /** @param onWait called when a job has nothing to do but wait for bytes, which its state says */
  constructor(onWait: () => void) {
    this.#onWait = onWait;
  }

  /**
   * Does a job, beside those that are under way. Throws what the job throws.
   *
   * @param ring where its pieces come from, when another thread makes them
   */
  async run(job: UnpackJob, state: JobState, ring?: PieceRing): Promise<UnpackOutcome> {
    const { pause } = new Slices();
    return await runJob(job, state, { pieces: ring?.read(), pause, onWait: this.#onWait });
  }
}
