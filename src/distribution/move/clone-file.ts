import { constants } from "node:fs";
import { chmod, copyFile, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import type { AbortOptions } from "../../async/abort.ts";
import type { BlobReference, Provider } from "../../content/store.ts";
import { diskError } from "../../disk/disk-error.ts";
import { temporaryPath } from "../../disk/temporary-files.ts";
import { syncDirectory } from "../../disk/write-file-atomic.ts";

/**
 * Makes a file of a content that is here, which shares its blocks with the store until somebody changes it: nothing is read, so nothing is
 * verified that the store has not verified when it took it. Replaces atomically what is there. Returns `false` where the file systems
 * cannot do that. Throws the classes of `diskError`, and the errors of `readerAt`.
 */
export async function cloneFile(
  content: Provider,
  blob: BlobReference,
  path: string,
  options: AbortOptions,
): Promise<boolean> {
  await using reader = await content.readerAt(blob, options);
  if (reader.path === undefined) return false;
  const temporary = temporaryPath(path);
  try {
    const made = await open(temporary, "wx", 0o644);
    await using file = made;
    const { mode } = await file.stat();
    try {
      await copyFile(reader.path, temporary, constants.COPYFILE_FICLONE_FORCE);
    } catch {
      return false; // another file system, or one that cannot: its bytes are copied
    }
    await chmod(temporary, mode & 0o777); // the store's own files are read-only
    await file.sync();
    await rename(temporary, path);
    await syncDirectory(dirname(path));
    return true;
  } catch (cause) {
    throw diskError("write file", path, cause);
  } finally {
    await rm(temporary, { force: true });
  }
}
