import { chmod, mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { diskError, isMissingFile } from "./disk-error.ts";

/** Permissions of a data root unless told otherwise: what is in it is its owner's business alone. */
export const ROOT_MODE = 0o700;

/** How a directory is made. */
export interface MakeDirectoryOptions {
  /** Permissions of what is made, less the process's umask. Default 0o777. */
  readonly mode?: number | undefined;
}

/**
 * Makes a directory and what is missing above it; returns the topmost directory that it made, if any. Throws the classes
 * of `diskError`.
 */
export async function makeDirectory(
  path: string,
  { mode }: MakeDirectoryOptions = {},
): Promise<string | undefined> {
  try {
    return await mkdir(path, { recursive: true, mode });
  } catch (cause) {
    throw diskError("make directory", path, isMissingFile(cause) ? await realReason(path, cause) : cause);
  }
}

/**
 * Makes the directory of lock files. Whoever can read a lock file can take a share of the lock, and so stop its owners: only
 * those get in who may write to the directory above. Throws as `makeDirectory` does.
 */
export async function makeLockDirectory(path: string): Promise<void> {
  const made = await makeDirectory(path);
  if (made === undefined) return;
  try {
    const { mode } = await stat(dirname(path));
    await chmod(path, lockMode(mode));
  } catch (cause) {
    throw diskError("make directory", path, cause);
  }
}

/** Everything for the owner, the group and the others, where each may write above. */
function lockMode(above: number): number {
  return [0o700, 0o070, 0o007].reduce(
    (mode, all) => ((above & all & 0o222) === 0 ? mode : mode | all),
    0o700,
  );
}

/**
 * Node's recursive mkdir says ENOENT whatever kept it from making a directory above. One level at a time, the system call
 * says what it was.
 */
async function realReason(path: string, cause: unknown): Promise<unknown> {
  for (let level = path; ; level = dirname(level)) {
    try {
      await mkdir(level);
      return cause;
    } catch (error) {
      if (!isMissingFile(error)) return error;
    }
    if (level === dirname(level)) return cause;
  }
}
