import { parentPort } from "node:worker_threads";
import { toWire } from "../../errors/error-wire.ts";
import { JobState } from "./job-state.ts";
import { JobTurns } from "./job-turns.ts";
import type { ThreadMessage, ThreadReply } from "./unpack-thread.ts";

const turns = new JobTurns(() => reply({ id: undefined }));

/** The thread: it does the jobs that it is sent, until it is ended. */
parentPort?.on("message", ({ id, job, memory }: ThreadMessage) => {
  turns.run(job, new JobState(memory)).then(
    (outcome) => reply({ id, outcome }),
    (error: unknown) => reply({ id, error: toWire(error, "unpack layer") }),
  );
});

function reply(message: ThreadReply): void {
  parentPort?.postMessage(message, []);
}
