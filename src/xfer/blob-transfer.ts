import { update } from "../progress/progress.ts";
import type { Job } from "./job.ts";
import type { DownloadDescriptor } from "./layer.ts";
import { type RetryPacing, repeatAttempts } from "./repeat-attempts.ts";

/**
 * The work of a blob's job: brings it in unless it is there, with as many attempts as `repeatAttempts` makes, and shows
 * "Download complete".
 */
export async function transferBlob(
  descriptor: DownloadDescriptor,
  job: Job,
  pacing: RetryPacing,
): Promise<void> {
  const { id } = descriptor;
  const { signal } = job;
  if (!(await descriptor.exists({ signal }))) {
    await repeatAttempts({ id, attempt: (context) => descriptor.download(context) }, job, pacing);
  }
  job.progress(update(id, "Download complete", 0, 0));
}
