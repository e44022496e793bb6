import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { ErrInvalidArgument } from "../errors/classes.ts";
import { diskError } from "./disk-error.ts";

/** A regular file, open for reading. The caller closes the handle. */
export interface RegularFile {
  readonly handle: FileHandle;
  /** Size in bytes when it was opened. */
  readonly size: number;
}

/**
 * Opens a file that somebody else has put in place. A pipe would hold the caller until somebody writes to it and a device may
 * have no end, so whatever is no regular file is refused: it is opened without waiting, and looked at before it is read.
 * Links are followed to regular files. Throws `ErrInvalidArgument` for anything else, and the classes of `diskError`.
 *
 * @param action for the error's message: `read layout`
 */
export async function openRegularFile(action: string, path: string): Promise<RegularFile> {
  try {
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const file = await handle.stat();
      if (file.isFile()) return { handle, size: file.size };
      throw new ErrInvalidArgument(`${action} "${path}": not a regular file`);
    } catch (error) {
      await handle.close();
      throw error;
    }
  } catch (cause) {
    throw diskError(action, path, cause);
  }
}
