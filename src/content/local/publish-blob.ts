import { existsSync, renameSync } from "node:fs";
import { dirname } from "node:path";
import type { DirectorySyncs } from "../../disk/directory-syncs.ts";
import { diskError, isMissingFile } from "../../disk/disk-error.ts";
import { makeDirectory } from "../../disk/make-directory.ts";
import { ErrAborted, ErrAlreadyExists } from "../../errors/classes.ts";
import type { BlobFiles } from "./blob-files.ts";
import type { VerifiedData } from "./ingests.ts";

/** What is published. */
export interface PublishRequest extends VerifiedData {
  /** File that the data becomes. */
  readonly blobPath: string;
  /** What is there already. */
  readonly files: BlobFiles;
  readonly syncs: DirectorySyncs;
}

/**
 * Turns an ingest's data into a blob and removes the ingest. A file that bears the blob's name is hashed first: verified
 * bytes replace a damaged one, never the other way. Throws `ErrAlreadyExists` when the blob was there, whole or damaged (the
 * ingest is gone as well), `ErrAborted` when somebody removed the ingest meanwhile, or the classes of `diskError` (the ingest
 * stays).
 */
export async function publishBlob(request: PublishRequest): Promise<void> {
  const { digest, blobPath, clear, syncs } = request;
  const directory = dirname(blobPath);
  try {
    const { existed, isMoved } = await settleName(request);
    await syncs.sync(directory);
    await clear(isMoved);
    if (existed) throw new ErrAlreadyExists(`content ${digest}`, { digest });
  } catch (cause) {
    throw diskError("publish blob", blobPath, cause);
  }
}

/** Gives the blob's name to the data, unless a whole file has it; returns whether any had, and whether the data has it now. */
async function settleName({
  digest,
  ref,
  dataPath,
  blobPath,
  files,
  syncs,
}: PublishRequest): Promise<{ readonly existed: boolean; readonly isMoved: boolean }> {
  for (;;) {
    const there = files.identityNow(digest); // nearly always nothing is
    const found = there === undefined ? undefined : await files.verify(digest);
    // From here in one turn of the event loop: of two writers with the same bytes one publishes, the other is told.
    if (there !== undefined && files.identityNow(digest) !== found?.identity) continue;
    if (found?.whole) return { existed: true, isMoved: false };
    if (!moveData(dataPath, ref, blobPath)) {
      const directory = dirname(blobPath);
      await makeDirectory(directory);
      await syncs.sync(dirname(directory));
      continue;
    }
    files.trust(digest);
    return { existed: found !== undefined, isMoved: true };
  }
}

/** Whether it was moved; not so where there is no directory for it, as before the first blob. */
function moveData(dataPath: string, ref: string, blobPath: string): boolean {
  try {
    renameSync(dataPath, blobPath);
    return true;
  } catch (cause) {
    if (!isMissingFile(cause)) throw cause;
    // The directory says nothing: another writer, or another process, may have made it since.
    if (existsSync(dataPath)) return false;
    throw new ErrAborted(`ref ${ref} was aborted`, { cause });
  }
}
