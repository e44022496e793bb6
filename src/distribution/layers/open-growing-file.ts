import { closeSync, constants, openSync } from "node:fs";
import { diskError } from "../../disk/disk-error.ts";

/** An open file by a path that stays good, whatever becomes of its name: any thread of this process can open it. */
export interface OpenGrowingFile extends Disposable {
  readonly path: string;
}

/** Opens a file that somebody writes, and will give another name. Throws the classes of `diskError`. */
export function openGrowingFile(path: string): OpenGrowingFile {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (cause) {
    throw diskError("open ingest", path, cause);
  }
  return { path: `/proc/self/fd/${fd}`, [Symbol.dispose]: () => closeSync(fd) };
}
