import { parentPort } from "node:worker_threads";
import { toWire } from "../../errors/error-wire.ts";
import type { UnpackOutcome } from "../unpack/unpack-outcome.ts";
import { JobState } from "./job-state.ts";
import { JobTurns } from "./job-turns.ts";
import { PieceRing } from "./piece-ring.ts";
import type { ThreadMessage, ThreadReply } from "./unpack-thread.ts";
import { writePieces } from "./write-pieces.ts";

const onWait = (): void => reply({ id: undefined });
const turns = new JobTurns({ isShared: false, onWait });

/** The thread: it does the jobs, and halves of jobs, that it is sent, until it is ended. */
parentPort?.on("message", (message: ThreadMessage) => {
  const { id } = message;
  work(message).then(
    (outcome) => reply({ id, outcome }),
    (error: unknown) => reply({ id, error: toWire(error, "unpack layer") }),
  );
});

async function work({ job, memory, half }: ThreadMessage): Promise<UnpackOutcome | undefined> {
  const state = new JobState(memory);
  const ring = half && new PieceRing(half.ring);
  if (!ring || half.part === "unpack") return await turns.run(job, state, ring);
  await writePieces(job, { state, ring, onWait });
  return undefined;
}

function reply(message: ThreadReply): void {
  parentPort?.postMessage(message, []);
}
