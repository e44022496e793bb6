import { existsSync, renameSync } from "node:fs";
import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Digest } from "../../digest/digest.ts";
import { diskError, isMissingFile } from "../../disk/disk-error.ts";
import { makeDirectory } from "../../disk/make-directory.ts";
import { syncDirectory } from "../../disk/write-file-atomic.ts";
import { ErrAborted, ErrAlreadyExists } from "../../errors/classes.ts";

/** What is published. */
export interface PublishRequest {
  readonly digest: Digest;
  /** Name of the ingest, for errors. */
  readonly ref: string;
  /** Directory of the ingest, whose data is verified, read-only and synced. */
  readonly ingestPath: string;
  /** File that the data becomes. */
  readonly blobPath: string;
}

/**
 * Turns an ingest's data into a blob and removes the ingest. Throws `ErrAlreadyExists` (the ingest is gone as well),
 * `ErrAborted` when somebody removed the ingest meanwhile, or the classes of `diskError` (the ingest stays).
 */
export async function publishBlob({ digest, ref, ingestPath, blobPath }: PublishRequest): Promise<void> {
  const directory = dirname(blobPath);
  try {
    const made = await makeDirectory(directory);
    if (made !== undefined) await syncDirectory(dirname(directory));
    // In one turn of the event loop: of two writers with the same bytes one publishes, the other is told.
    const exists = existsSync(blobPath);
    if (!exists) moveData(ingestPath, ref, blobPath);
    await syncDirectory(directory);
    await rm(ingestPath, { recursive: true, force: true });
    if (exists) throw new ErrAlreadyExists(`content ${digest}`, { digest });
  } catch (cause) {
    throw diskError("publish blob", blobPath, cause);
  }
}

function moveData(ingestPath: string, ref: string, blobPath: string): void {
  try {
    renameSync(join(ingestPath, "data"), blobPath);
  } catch (cause) {
    if (isMissingFile(cause)) throw new ErrAborted(`ref ${ref} was aborted`, { cause });
    throw cause;
  }
}
