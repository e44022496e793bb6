import { chmodSync, fchmodSync, futimesSync, utimesSync } from "node:fs";
import { open } from "node:fs/promises";
import { codeOf } from "../../errors/code-of.ts";
import { stampNow } from "./blob-times.ts";
import type { DataFile } from "./data-file.ts";

/** Size up to which the metadata of a file is changed at once, in bytes: handing it to another thread costs more. */
const MAX_AT_ONCE_BYTES = 256 * 1024;

/** Makes the data file at `path` read-only and stamps it with the time. Throws the file system's own errors. */
export async function sealData(file: DataFile, path: string): Promise<void> {
  const now = stampNow();
  const { mode, size } = file.stat();
  unlessDenied(
    () => futimesSync(file.fd, now, now),
    () => utimesSync(path, now, now),
  );
  await setMode(file, path, { mode: mode & 0o444, isAtOnce: size <= MAX_AT_ONCE_BYTES });
}

/** Of a large file in another thread: where the disk is slow, its metadata may wait for its bytes. */
async function setMode(
  file: DataFile,
  path: string,
  { mode, isAtOnce }: { readonly mode: number; readonly isAtOnce: boolean },
): Promise<void> {
  const byName = (): void => chmodSync(path, mode);
  if (isAtOnce) {
    unlessDenied(() => fchmodSync(file.fd, mode), byName);
    return;
  }
  try {
    await using handle = await open(path, "r");
    await handle.chmod(mode);
  } catch (cause) {
    unlessDenied(() => {
      throw cause;
    }, byName);
  }
}

/** Node's permission model refuses changes by descriptor, whatever is allowed; by path they are. The ref's lock is held. */
export function unlessDenied(byDescriptor: () => void, byPath: () => void): void {
  try {
    byDescriptor();
  } catch (error) {
    if (codeOf(error) !== "ERR_ACCESS_DENIED") throw error;
    byPath();
  }
}
