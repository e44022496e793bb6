import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { diskError, isMissingFile } from "./disk-error.ts";

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
