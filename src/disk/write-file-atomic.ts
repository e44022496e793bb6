import { randomBytes } from "node:crypto";
import { chmod, type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { diskError } from "./disk-error.ts";

/** Makes the names in a directory durable. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** How a file is written. */
export interface WriteFileOptions {
  /** Permissions of the new file. Default 0o644, less the process's umask; what is given here is set whatever that says. */
  readonly mode?: number | undefined;
}

/**
 * Replaces a file so that every reader, also after a power cut, finds either the old content or the new one: a temporary
 * file beside it, fsync, rename, fsync of the directory. Throws the classes of `diskError`, and the errors of ours that the
 * chunks of `data` throw.
 */
export async function writeFileAtomic(
  path: string,
  data: string | Uint8Array | AsyncIterable<Uint8Array>,
  { mode }: WriteFileOptions = {},
): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    const file = await open(temporary, "wx", mode ?? 0o644);
    await writeAndClose(file, data);
    if (mode !== undefined) await chmod(temporary, mode);
    await rename(temporary, path);
    await syncDirectory(dirname(path));
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => {}); // the first failure is the one to tell
    throw diskError("write file", path, cause);
  }
}

async function writeAndClose(file: FileHandle, data: Parameters<typeof writeFileAtomic>[1]): Promise<void> {
  try {
    await file.writeFile(data);
    await file.sync();
  } finally {
    await file.close();
  }
}
