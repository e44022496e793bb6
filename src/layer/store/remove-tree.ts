import { chmod, lstat, readdir, rm } from "node:fs/promises";
import { diskError, isUnwritable } from "../../disk/disk-error.ts";
import { pathBelow } from "../tree/path-below.ts";

/** Everything for the owner. */
const OWNERS_ALL = 0o700;

/**
 * Removes a directory with everything in it; nothing happens when it is not there. Directories that their owner may not
 * write to, which images have, are opened first. Throws the classes of `diskError`.
 */
export async function removeTree(path: string): Promise<void> {
  try {
    await removeOnce(path);
  } catch (cause) {
    if (!isUnwritable(cause)) throw diskError("remove directory", path, cause);
    await openDirectories(Buffer.from(path)).catch((error: unknown) => {
      throw diskError("remove directory", path, error);
    });
    await removeOnce(path).catch((error: unknown) => {
      throw diskError("remove directory", path, error);
    });
  }
}

function removeOnce(path: string): Promise<void> {
  return rm(path, { recursive: true, force: true });
}

/** Names are bytes here, because images have some that are no UTF-8. Links are not followed: none is a directory to `readdir`. */
async function openDirectories(path: Buffer): Promise<void> {
  const { mode } = await lstat(path);
  if ((mode & OWNERS_ALL) !== OWNERS_ALL) await chmod(path, OWNERS_ALL);
  for (const entry of await readdir(path, { withFileTypes: true, encoding: "buffer" })) {
    if (entry.isDirectory()) await openDirectories(pathBelow(path, entry.name));
  }
}
