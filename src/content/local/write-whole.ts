import { constants, futimesSync, openSync, utimesSync, write } from "node:fs";
import { rm } from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { closeQuietly } from "../../disk/close-quietly.ts";
import { diskError, isMissingFile } from "../../disk/disk-error.ts";
import { makeDirectory } from "../../disk/make-directory.ts";
import { stampNow } from "./blob-times.ts";
import { unlessDenied } from "./seal-data.ts";

const writeAt = promisify(write);

/** Permissions of what is complete. */
const READ_ONLY = 0o444;

/** A write is over when the disk has its bytes, and the size of the file: one way to another thread and back in the place of two. */
const FLAGS = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_SYNC;

/**
 * Writes a whole file that is not there yet: read-only, stamped with the time, and durable but for its name. The directory is made where
 * it is missing. Throws the classes of `diskError`; nothing is left then.
 */
export async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  try {
    await fill(await create(path), path, bytes);
  } catch (cause) {
    await removeWhole(path).catch(() => {}); // the first failure is the one to tell
    throw diskError("write ingest", path, cause);
  }
}

/** Removes what `writeWhole` wrote, if it is there. Throws the classes of `diskError`. */
export async function removeWhole(path: string): Promise<void> {
  try {
    await rm(path, { force: true, recursive: true });
  } catch (cause) {
    throw diskError("remove ingest", path, cause);
  }
}

async function create(path: string): Promise<number> {
  try {
    return openSync(path, FLAGS, READ_ONLY);
  } catch (error) {
    if (!isMissingFile(error)) throw error;
    await makeDirectory(dirname(path));
    return openSync(path, FLAGS, READ_ONLY);
  }
}

async function fill(fd: number, path: string, bytes: Uint8Array): Promise<void> {
  try {
    for (let at = 0; at < bytes.length; ) {
      // A nearly full disk takes a part and fails the next call.
      at += (await writeAt(fd, bytes, at, bytes.length - at, at)).bytesWritten;
    }
    const now = stampNow();
    unlessDenied(
      () => futimesSync(fd, now, now),
      () => utimesSync(path, now, now),
    );
  } finally {
    closeQuietly(fd);
  }
}
