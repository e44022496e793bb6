import { algorithmOf, Digester } from "../../digest/digest.ts";
import { ErrDataLoss } from "../../errors/classes.ts";
import { decompress } from "../decompress/decompress.ts";
import { checkExpansion } from "../unpack/expansion.ts";
import { LayerUnpacker } from "../unpack/layer-unpacker.ts";
import type { UnpackOutcome } from "../unpack/unpack-outcome.ts";
import type { JobState } from "./job-state.ts";
import { readBlob } from "./read-blob.ts";
import type { UnpackJob } from "./unpack-job.ts";

/** How a job gets on with others of its thread, and with another thread that does half of it. */
export interface JobManners {
  /** Its pieces, where another thread reads and decompresses the blob. */
  readonly pieces?: AsyncIterable<Uint8Array> | undefined;
  /** Called between two pieces of work: lets others go on when it is time. */
  readonly pause?: (() => Promise<void> | undefined) | undefined;
  /** Called when it begins to wait for more of its blob. */
  readonly onWait?: (() => void) | undefined;
}

/**
 * Does one job, in one pass: reads, verifies, decompresses and unpacks. What waits for the end of a layer is made only when all of it
 * has turned out to be right. Throws as `Unpacker.unpack` says, with `ErrCanceled` for a job that is not wanted any more.
 */
export async function runJob(
  job: UnpackJob,
  state: JobState,
  { pieces, pause, onWait }: JobManners = {},
): Promise<UnpackOutcome> {
  const unpacker = new LayerUnpacker(job);
  const digester = new Digester(algorithmOf(job.diffId));
  let bytesOut = 0;
  try {
    for await (const piece of pieces ?? decompress(readBlob(job, state, onWait))) {
      state.throwIfCanceled();
      bytesOut += piece.byteLength;
      checkExpansion(job.limits, { bytesIn: state.progress.bytesIn, bytesOut });
      digester.update(piece);
      unpacker.write(piece);
      state.noteUnpacked(bytesOut, unpacker.entries);
      await pause?.();
    }
    const diffId = digester.digest();
    if (diffId !== job.diffId) {
      throw new ErrDataLoss(`unpack layer: got diffID ${diffId}, want ${job.diffId}`, { digest: job.digest });
    }
    unpacker.endArchive();
    return { diffId, ...unpacker.finish() };
  } finally {
    unpacker.close();
  }
}
