import type { Dirent } from "node:fs";
import { opendir } from "node:fs/promises";
import { diskError, isMissingFile } from "../../disk/disk-error.ts";

/** The names in a directory, few at a time; none when there is no directory. Throws the classes of `diskError`. */
export async function* entriesOf(path: string): AsyncGenerator<Dirent> {
  try {
    yield* await opendir(path);
  } catch (cause) {
    if (!isMissingFile(cause)) throw diskError("read directory", path, cause);
  }
}
