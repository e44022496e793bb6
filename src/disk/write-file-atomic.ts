import { openSync } from "node:fs";
import { chmod, type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { closeQuietly } from "./close-quietly.ts";
import { diskError, isMissingFile } from "./disk-error.ts";
import { syncFile } from "./sync-file.ts";
import { temporaryPath } from "./temporary-files.ts";

/** Makes the names in a directory durable. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = openSync(path, "r");
  try {
    await syncFile(directory, path);
  } finally {
    closeQuietly(directory);
  }
}

/** What a file is to hold. */
type FileData = string | Uint8Array | AsyncIterable<Uint8Array>;

/** How a file is written. */
export interface WriteFileOptions {
  /** Permissions of the new file. Default 0o644, less the process's umask; what is given here is set whatever that says. */
  readonly mode?: number | undefined;
  /**
   * Whether what readers find after a power cut may also be a file without content, or the old one: for hints, which are worth no wait for
   * the disk. Default false.
   */
  readonly isHint?: boolean | undefined;
}

/**
 * Replaces a file so that every reader, also after a power cut unless it is a hint, finds either the old content or the new one: a
 * temporary file beside it, fsync, rename, fsync of the directory. What is not a stream is written once more when the temporary file has
 * gone: a process that slept for long is taken for one that was killed. Throws the classes of `diskError`, and the errors of
 * ours that the chunks of `data` throw.
 */
export async function writeFileAtomic(
  path: string,
  data: FileData,
  options: WriteFileOptions = {},
): Promise<void> {
  const write = (): Promise<void> => replace(path, data, options);
  try {
    const isStream = typeof data === "object" && !(data instanceof Uint8Array);
    await (isStream ? write() : write().catch((cause: unknown) => againIfGone(cause, write)));
    if (!options.isHint) await syncDirectory(dirname(path));
  } catch (cause) {
    throw diskError("write file", path, cause);
  }
}

async function againIfGone(cause: unknown, write: () => Promise<void>): Promise<void> {
  if (!isMissingFile(cause)) throw cause;
  await write();
}

async function replace(
  path: string,
  data: FileData,
  { mode, isHint = false }: WriteFileOptions,
): Promise<void> {
  const temporary = temporaryPath(path);
  try {
    const file = await open(temporary, "wx", mode ?? 0o644);
    await writeAndClose(file, data, !isHint);
    if (mode !== undefined) await chmod(temporary, mode);
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => {}); // the first failure is the one to tell
    throw cause;
  }
}

async function writeAndClose(file: FileHandle, data: FileData, isSynced: boolean): Promise<void> {
  try {
    await file.writeFile(data);
    if (isSynced) await file.sync();
  } finally {
    await file.close();
  }
}
