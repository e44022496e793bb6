import { parentPort } from "node:worker_threads";
import { toWire } from "./error-wire.ts";
import { JobState } from "./job-state.ts";
import { runJob } from "./run-job.ts";
import type { ThreadMessage, ThreadReply } from "./unpack-thread.ts";

/** The thread: it does one job after the other as they are sent, until it is ended. */
parentPort?.on("message", ({ job, memory }: ThreadMessage) => {
  runJob(job, new JobState(memory)).then(
    (outcome) => reply({ outcome }),
    (error: unknown) => reply({ error: toWire(error) }),
  );
});

function reply(message: ThreadReply): void {
  parentPort?.postMessage(message, []);
}
