import { inSlices, type Pause } from "../../async/slices.ts";
import { algorithmOf, Digester } from "../../digest/digest.ts";
import { ErrDataLoss } from "../../errors/classes.ts";
import { decompress } from "../decompress/decompress.ts";
import { checkExpansion } from "../unpack/expansion.ts";
import { LayerUnpacker } from "../unpack/layer-unpacker.ts";
import type { UnpackOutcome } from "../unpack/unpack-outcome.ts";
import type { JobState } from "./job-state.ts";
import { readBlob } from "./read-blob.ts";
import type { UnpackJob } from "./unpack-job.ts";

/** Bytes of an archive between which others of a thread go on: 32 entries at most, each of which may take a tenth of a millisecond. */
const PART_BYTES = 16 * 1024;

/** How a job gets on with others of its thread, and with another thread that does half of it. */
export interface JobManners {
  /** Its pieces, where another thread reads and decompresses the blob. */
  readonly pieces?: AsyncIterable<Uint8Array> | undefined;
  /** Called between two pieces of work: lets others go on when it is time. */
  readonly pause: Pause;
  /** Whether others need the thread for more than jobs, so that it never stands still. */
  readonly isShared: boolean;
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
  { pieces, pause, isShared, onWait }: JobManners,
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
      for (const part of isShared ? partsOf(piece) : [piece]) {
        unpacker.write(part);
        await pause();
      }
      state.noteUnpacked(bytesOut, unpacker.entries);
    }
    const diffId = digester.digest();
    if (diffId !== job.diffId) {
      throw new ErrDataLoss(`unpack layer: got diffID ${diffId}, want ${job.diffId}`, { digest: job.digest });
    }
    unpacker.endArchive();
    const pauseIfWanted: Pause = () => {
      state.throwIfCanceled();
      return pause();
    };
    return { diffId, ...(await inSlices(unpacker.finish(), pauseIfWanted)) };
  } finally {
    unpacker.close();
  }
}

/** A piece in parts that each hold few entries. */
function* partsOf(piece: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < piece.byteLength; at += PART_BYTES) yield piece.subarray(at, at + PART_BYTES);
}
