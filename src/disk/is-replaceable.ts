import { stat } from "node:fs/promises";
import { diskError, isMissingFile } from "./disk-error.ts";

/**
 * Whether a file may take the place of what is under `path`: of a regular file or of nothing. A rename would put one in the place of
 * `/dev/stdout` as well. Throws the classes of `diskError`, with the action.
 */
export async function isReplaceable(action: string, path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch (cause) {
    if (isMissingFile(cause)) return true;
    throw diskError(action, path, cause);
  }
}
