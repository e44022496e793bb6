import { constants, type Dirent, type Stats } from "node:fs";
import { chmod, lstat, open, opendir, readdir, rmdir, unlink } from "node:fs/promises";
import { forEachWithin } from "../../async/for-each-within.ts";
import { diskError, isMissingFile } from "../../disk/disk-error.ts";
import { pathBelow } from "./path-below.ts";

/** Permissions by which the owner of a directory can do everything in it. */
export const OWNERS_ALL = 0o700;

/** Names of a directory that are in memory at the same time: a layer may have a million in one. */
const MAX_NAMES = 4_096;

/** Names that are removed at the same time: enough for all threads that Node.js has for files. */
const AT_ONCE = 16;

/**
 * Removes a directory with everything in it; nothing happens when it is not there. It goes through open directories, so that no path
 * is longer than a name: those of an image may be longer than the kernel takes once they begin in a data root. As many are open as the
 * tree is deep. Directories that keep their owner out, which images have, are opened first. Throws the classes of `diskError`.
 */
export async function removeTree(path: string): Promise<void> {
  try {
    await remove(Buffer.from(path));
  } catch (cause) {
    const isGone = isMissingFile(cause) && !(await lstat(path).catch(() => undefined));
    if (!isGone) throw diskError("remove directory", path, cause);
  }
}

/**
 * Removes what is at a path, whatever it is; nothing happens when there is nothing. Directories go as in `removeTree`. Throws the errors of
 * the file calls.
 */
export async function removeEntry(path: Buffer): Promise<void> {
  const stats = await lstat(path).catch(ifMissing);
  if (stats?.isDirectory()) await remove(path);
  else if (stats) await unlink(path);
}

/** Removes everything in a directory, as `removeEntry` does. */
export async function emptyDirectory(path: Buffer): Promise<void> {
  const stats = await lstat(path).catch(ifMissing);
  if (!stats) return;
  await letOwnerIn(path, stats);
  for (const name of await readdir(path, { encoding: "buffer" })) await removeEntry(pathBelow(path, name));
}

/** Lets the owner of a directory do in it what he likes, who is no root. Its permissions are lost if he could not. */
export async function letOwnerIn(path: Buffer, { mode }: Pick<Stats, "mode">): Promise<void> {
  if ((mode & OWNERS_ALL) !== OWNERS_ALL) await chmod(path, OWNERS_ALL);
}

function ifMissing(cause: unknown): undefined {
  if (isMissingFile(cause)) return undefined;
  throw cause;
}

/** Links are not followed: none is a directory here. */
async function remove(path: Buffer): Promise<void> {
  await letOwnerIn(path, await lstat(path));
  const directory = await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    const here = `/proc/self/fd/${directory.fd}`;
    for (let names = await someIn(here); names.length > 0; names = await someIn(here)) {
      const filled: Buffer[] = [];
      const removeOne = async (entry: Dirent): Promise<void> => {
        const path = pathBelow(here, entry.name);
        if (!entry.isDirectory()) await unlink(path);
        else if (!(await removeEmpty(path))) filled.push(path);
      };
      await forEachWithin(names, removeOne, { limit: AT_ONCE });
      for (const each of filled) await remove(each);
    }
  } finally {
    await directory.close();
  }
  await rmdir(path);
}

/** Removes a directory at once if nothing is in it. Returns whether it did; why not is told by who looks into it. */
async function removeEmpty(path: Buffer): Promise<boolean> {
  return await rmdir(path).then(
    () => true,
    () => false,
  );
}

/** Some of the entries of a directory; none when it is empty. Their names are byte strings. */
async function someIn(path: string): Promise<readonly Dirent[]> {
  const found: Dirent[] = [];
  for await (const entry of await opendir(path, { encoding: "latin1", bufferSize: 256 })) {
    found.push(entry);
    if (found.length === MAX_NAMES) break;
  }
  return found;
}
