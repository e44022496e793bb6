import type { Job } from "../../src/xfer/job.ts";

/** A `run` for transfers that does what the test tells it, when the test tells it. */
export class ControlledRun<T = string> {
  /** The job of each call, oldest first. */
  readonly jobs: Job[] = [];
  readonly #outcomes: Array<PromiseWithResolvers<T>> = [];

  readonly run = (job: Job): Promise<T> => {
    const outcome = Promise.withResolvers<T>();
    this.jobs.push(job);
    this.#outcomes.push(outcome);
    return outcome.promise;
  };

  /** How often it was called. */
  get calls(): number {
    return this.jobs.length;
  }

  /** The job of the newest call. */
  get job(): Job {
    const job = this.jobs.at(-1);
    if (!job) throw new Error("run was not called");
    return job;
  }

  /** Ends the newest call well. */
  finish(value: T): void {
    this.#outcomes.at(-1)?.resolve(value);
  }

  /** Ends the newest call badly. */
  fail(error: unknown): void {
    this.#outcomes.at(-1)?.reject(error);
  }
}
