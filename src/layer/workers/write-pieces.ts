import { decompress } from "../decompress/decompress.ts";
import type { JobState } from "./job-state.ts";
import type { PieceRing } from "./piece-ring.ts";
import { readBlob } from "./read-blob.ts";
import type { UnpackJob } from "./unpack-job.ts";

/**
 * One half of a job: reads, verifies and decompresses its blob for a thread that does the rest, `runJob`. Throws what those throw,
 * and `ErrCanceled` for a job that is not wanted any more.
 *
 * @param onWait called when it begins to wait for more of the blob
 */
export async function writePieces(
  job: UnpackJob,
  {
    state,
    ring,
    onWait,
  }: { readonly state: JobState; readonly ring: PieceRing; readonly onWait: () => void },
): Promise<void> {
  for await (const piece of decompress(readBlob(job, state, onWait), { room: () => ring.room })) {
    state.throwIfCanceled();
    ring.write(piece);
  }
  ring.end();
}
