import { type BigIntStats, existsSync, statSync } from "node:fs";
import { dirname, sep } from "node:path";
import { isMissingFile } from "./disk-error.ts";

/**
 * What `stat` says, at once, and `undefined` where there is nothing of that name; no error is made for that, which takes longer
 * than to look. Throws the file system's other errors, also that something above is no directory, which Node takes for the same.
 */
export function statIfThere(path: string): BigIntStats | undefined {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  if (found || isBelowDirectory(path)) return found;
  try {
    return statSync(path, { bigint: true });
  } catch (cause) {
    if (isMissingFile(cause)) return undefined;
    throw cause;
  }
}

/** Whether the nearest that there is above `path` is a directory. */
function isBelowDirectory(path: string): boolean {
  // As it nearly always is, which takes half as long to hear as all that `stat` says.
  if (existsSync(`${path.slice(0, path.lastIndexOf(sep) + 1)}.`)) return true;
  for (let above = dirname(path); ; above = dirname(above)) {
    const found = statSync(above, { throwIfNoEntry: false });
    if (found || above === dirname(above)) return found?.isDirectory() ?? true;
  }
}
