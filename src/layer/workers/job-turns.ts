import { setImmediate as nextTurn } from "node:timers/promises";
import type { UnpackOutcome } from "../unpack/unpack-outcome.ts";
import type { JobState } from "./job-state.ts";
import { runJob } from "./run-job.ts";
import type { UnpackJob } from "./unpack-job.ts";

/** How long all others of a thread are kept waiting, in milliseconds: about what one piece of a layer takes. */
const SLICE_MS = 8;

/** The jobs of one thread. They work in slices, and one that waits for bytes is in nobody's way. */
export class JobTurns {
  readonly #onWait: () => void;
  #since = 0;

  /** @param onWait called when a job has nothing to do but wait for bytes, which its state says */
  constructor(onWait: () => void) {
    this.#onWait = onWait;
  }

  /** Does a job, beside those that are under way. Throws what the job throws. */
  async run(job: UnpackJob, state: JobState): Promise<UnpackOutcome> {
    return await runJob(job, state, { pause: () => this.#pause(), onWait: this.#onWait });
  }

  #pause(): Promise<void> | undefined {
    return performance.now() - this.#since < SLICE_MS ? undefined : this.#nextSlice();
  }

  async #nextSlice(): Promise<void> {
    await nextTurn();
    this.#since = performance.now();
  }
}
