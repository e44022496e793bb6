import { fsync } from "node:fs";
import { open } from "node:fs/promises";
import { promisify } from "node:util";

const syncDescriptor = promisify(fsync);

/**
 * Makes what was written to an open file durable, or the names in an open directory. It must have the name `path` at present. Throws the
 * file system's own errors.
 */
export async function syncFile(fd: number, path: string): Promise<void> {
  try {
    await syncDescriptor(fd);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_ACCESS_DENIED") throw error;
    // Node's permission model refuses this by descriptor, whatever is allowed.
    await using file = await open(path, "r");
    await file.sync();
  }
}
