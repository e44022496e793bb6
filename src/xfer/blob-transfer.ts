import { update } from "../progress/progress.ts";
import type { GrowthSink } from "./growing-blob.ts";
import type { Job } from "./job.ts";
import type { DownloadDescriptor } from "./layer.ts";
import { type RetryPacing, repeatAttempts } from "./repeat-attempts.ts";
import type { MovingContext } from "./transfer-context.ts";

/**
 * The work of a blob's job: brings it in unless it is there, with as many attempts as `repeatAttempts` makes, and shows
 * "Download complete".
 *
 * @param growth tells those who read along
 */
export async function transferBlob(
  descriptor: DownloadDescriptor,
  job: Job,
  { backoff, clock }: RetryPacing,
  growth?: GrowthSink,
): Promise<void> {
  const { maxRetryAfterMs = backoff.maxRetryAfterMs } = descriptor;
  const { signal } = job;
  const received = (): void => job.received();
  if (!(await descriptor.exists({ signal }))) {
    const attempt = (context: MovingContext): Promise<void> =>
      descriptor.download({ ...context, growth, received });
    await repeatAttempts({ subject: descriptor, attempt }, job, {
      backoff: { ...backoff, maxRetryAfterMs },
      clock,
    });
  }
  job.progress(update(descriptor, "Download complete", 0, 0));
}
