import { constants, openSync, readSync } from "node:fs";
import { systemClock } from "../../async/clock.ts";
import { algorithmOf, type Digest, Digester } from "../../digest/digest.ts";
import { closeQuietly } from "../../disk/close-quietly.ts";
import { diskError } from "../../disk/disk-error.ts";
import { ErrDataLoss } from "../../errors/classes.ts";
import type { JobState } from "./job-state.ts";
import type { UnpackJob } from "./unpack-job.ts";

/** Bytes that are read at once. */
const CHUNK_BYTES = 256 * 1024;

/** How often a blob that still grows is looked at, in milliseconds. */
const GROWTH_POLL_MS = 10;

/**
 * The bytes of a job's blob, in chunks of one buffer: each is good until the next one is asked for. The size, and the digest if it
 * is to be verified, are looked at before the end is told. Throws `ErrDataLoss` when they are not what they have to be, the classes
 * of `diskError`, and `ErrCanceled`.
 *
 * @param onWait called when it begins to wait for more of the blob
 */
export async function* readBlob(
  job: UnpackJob,
  state: JobState,
  onWait?: () => void,
): AsyncGenerator<Uint8Array> {
  const { blobPath, size, digest } = job;
  const fd = openBlob(blobPath);
  const digester = digest && new Digester(algorithmOf(digest));
  const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  try {
    for (let at = 0; ; ) {
      const end = Math.min(await readableUpTo(job, { at, state, onWait }), size);
      if (end <= at) break;
      const read = readInto(buffer, { fd, blobPath, at, length: Math.min(CHUNK_BYTES, end - at) });
      if (read === 0) break;
      const chunk = buffer.subarray(0, read);
      digester?.update(chunk);
      at += read;
      state.noteRead(at);
      yield chunk;
    }
    const { bytesIn } = state.progress;
    if (bytesIn !== size) throw new ErrDataLoss(`read blob: got ${bytesIn} bytes, want ${size}`, { digest });
    if (digester) verify(digester.digest(), digest);
  } finally {
    closeQuietly(fd);
  }
}

interface Position {
  readonly at: number;
  readonly state: JobState;
  readonly onWait: (() => void) | undefined;
}

/** How much of the blob is there: more than `at`, or no more will come. */
async function readableUpTo({ available, size }: UnpackJob, position: Position): Promise<number> {
  if (available === undefined) return size;
  const counter = new BigInt64Array(available);
  const { at } = position;
  const isThere = (): boolean => {
    const there = Atomics.load(counter, 0);
    return there > at || there < 0 || at >= size;
  };
  if (!isThere()) await poll(isThere, position);
  return Math.max(Number(Atomics.load(counter, 0)), at);
}

async function poll(isThere: () => boolean, { state, onWait }: Position): Promise<void> {
  state.noteWaiting(true);
  onWait?.();
  while (!isThere()) {
    await systemClock.sleep(GROWTH_POLL_MS);
    state.throwIfCanceled();
  }
  state.noteWaiting(false);
}

function openBlob(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY);
  } catch (cause) {
    throw diskError("open blob", path, cause);
  }
}

interface Reading {
  readonly fd: number;
  readonly blobPath: string;
  readonly at: number;
  readonly length: number;
}

function readInto(buffer: Buffer, { fd, blobPath, at, length }: Reading): number {
  try {
    return readSync(fd, buffer, 0, length, at);
  } catch (cause) {
    throw diskError("read blob", blobPath, cause);
  }
}

function verify(got: Digest, wanted: Digest | undefined): void {
  if (got !== wanted)
    throw new ErrDataLoss(`read blob: got digest ${got}, want ${wanted}`, { digest: wanted });
}
