import type { BackoffPolicy } from "../async/backoff.ts";
import type { Clock } from "../async/clock.ts";
import { retry } from "../async/retry.ts";
import type { ProgressSink } from "../progress/progress.ts";
import { throttleProgress } from "../progress/progress-throttle.ts";
import type { Job } from "./job.ts";
import type { MovingContext } from "./transfer-context.ts";

/** How attempts follow each other. */
export interface RetryPacing {
  readonly backoff: BackoffPolicy;
  readonly clock: Clock;
}

/** Work that is repeated when it fails. */
export interface RepeatedWork<T> {
  /** Under which id progress is shown. */
  readonly id: string;
  readonly attempt: (context: MovingContext) => Promise<T>;
}

/**
 * Makes attempts on behalf of a job until one succeeds. A failed attempt is repeated as the policy says; one that got
 * further than all before it starts the count anew. The job gives its slot back while it backs off, because waiting is not
 * working, and queues for another one afterwards.
 */
export async function repeatAttempts<T>(
  { id, attempt }: RepeatedWork<T>,
  job: Job,
  { backoff, clock }: RetryPacing,
): Promise<T> {
  const { signal, payers } = job;
  const progress: ProgressSink = (item) => job.progress(item);
  const mark = new HighWaterMark();
  const waiter = job.waiter(id);
  const once = (attemptSignal: AbortSignal): Promise<T> => {
    const shown = mark.watch(throttleProgress(progress, clock), () => job.moved());
    return attempt({ signal: attemptSignal, waiter, payers, progress: shown });
  };
  return await retry(() => yielding(job, once), {
    policy: backoff,
    signal,
    clock,
    waiter,
    progressed: () => mark.hasRisen(),
  });
}

/** One attempt, made again without being counted whenever it was broken off to let another source try. */
export async function yielding<T>(job: Job, attempt: (signal: AbortSignal) => Promise<T>): Promise<T> {
  for (;;) {
    await job.active(); // a wait that failed has left the job without a slot
    const made = await job.attempt(async (signal) => {
      try {
        return { value: await attempt(signal) };
      } catch (error) {
        if (job.signal.aborted || !signal.aborted) throw error;
        return undefined;
      }
    });
    if (made) return made.value;
    job.inactive();
  }
}

/**
 * What an attempt has to bring to count as progress, in bytes: as much as the slowest body that the transport waits for brings
 * in the time over which that is measured. Of a small blob the quarter is enough.
 */
const MIN_PROGRESS_BYTES = 32 * 1024;

/**
 * How far the attempts came together. Only going well beyond it is progress: a server that cannot resume and always breaks at
 * the same byte must not be asked for ever, nor one that gives a few bytes each time.
 */
class HighWaterMark {
  #bytes = 0;
  #totalBytes = 0;
  #bytesBefore = 0;

  /** `sink`, with the bytes of its updates noted on their way; `onBytes` is called when there are more than ever before. */
  watch(sink: ProgressSink, onBytes: () => void): ProgressSink {
    return (progress) => {
      if (progress.kind === "update") {
        if (progress.currentBytes > this.#bytes) onBytes();
        this.#bytes = Math.max(this.#bytes, progress.currentBytes);
        this.#totalBytes = Math.max(this.#totalBytes, progress.totalBytes);
      }
      sink(progress);
    };
  }

  /** Whether it rose by enough since the last time that it had. */
  hasRisen(): boolean {
    const enough = Math.min(MIN_PROGRESS_BYTES, this.#totalBytes / 4);
    const risen = this.#bytes > this.#bytesBefore && this.#bytes - this.#bytesBefore >= enough;
    if (risen) this.#bytesBefore = this.#bytes;
    return risen;
  }
}
