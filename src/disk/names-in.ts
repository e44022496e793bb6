import { readdir } from "node:fs/promises";
import { diskError, isMissingFile } from "./disk-error.ts";

/** The names in a directory; none where there is no directory. Throws the classes of `diskError`. */
export async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (cause) {
    if (isMissingFile(cause)) return [];
    throw diskError("read directory", directory, cause);
  }
}
