import type { BackoffPolicy } from "../async/backoff.ts";
import type { Clock } from "../async/clock.ts";
import { retry } from "../async/retry.ts";
import type { StepSink, Subject } from "../progress/progress.ts";
import { throttleProgress } from "../progress/progress-throttle.ts";
import { HighWaterMark } from "./high-water-mark.ts";
import type { Job } from "./job.ts";
import type { MovingContext } from "./transfer-context.ts";

/** How attempts follow each other. */
export interface RetryPacing {
  readonly backoff: BackoffPolicy;
  readonly clock: Clock;
}

/** Work that is repeated when it fails. */
export interface RepeatedWork<T> {
  /** What progress is about. */
  readonly subject: Subject;
  readonly attempt: (context: MovingContext) => Promise<T>;
}

/**
 * Makes attempts on behalf of a job until one succeeds. A failed attempt is repeated as the policy says; one that got
 * further than all before it starts the count anew. The job gives its slot back while it backs off, because waiting is not
 * working, and queues for another one afterwards.
 */
export async function repeatAttempts<T>(
  { subject, attempt }: RepeatedWork<T>,
  job: Job,
  { backoff, clock }: RetryPacing,
): Promise<T> {
  const { signal, payers } = job;
  let number = 1;
  const progress: StepSink = (item) =>
    job.progress(number > 1 && item.kind === "update" ? { ...item, attempt: number } : item);
  const mark = new HighWaterMark();
  const waiter = job.waiter(subject);
  const once = (attemptSignal: AbortSignal): Promise<T> => {
    const shown = watched(throttleProgress(progress, clock), mark, () => job.moved());
    return attempt({ signal: attemptSignal, waiter, payers, progress: shown });
  };
  const attempts = (at: number): Promise<T> => {
    number = at;
    return yielding(job, once);
  };
  return await retry(attempts, {
    policy: backoff,
    signal,
    clock,
    waiter,
    progressed: () => mark.hasRisen(),
  });
}

/** `sink`, with the bytes of its updates noted on their way; `onBytes` is called when there are more than ever before. */
function watched(sink: StepSink, mark: HighWaterMark, onBytes: () => void): StepSink {
  return (progress) => {
    const isMore = progress.kind === "update" && mark.reached(progress.currentBytes, progress.totalBytes);
    if (isMore) onBytes();
    sink(progress);
  };
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
