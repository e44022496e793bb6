import { existsSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { diskError } from "../../disk/disk-error.ts";

/** An empty file beside the database. */
const MARKER = "namespaces";

/**
 * Writes down beside the database that namespaces hold content: should the database be damaged, this says whether more
 * than hints is lost with it. Throws the classes of `diskError`.
 */
export function markNamespaces(databasePath: string): void {
  const path = join(dirname(databasePath), MARKER);
  if (existsSync(path)) return;
  try {
    writeFileSync(path, "", { flag: "a" });
  } catch (cause) {
    throw diskError("write file", path, cause);
  }
}

/** Whether namespaces ever held content. */
export function hasNamespaces(databasePath: string): boolean {
  return existsSync(join(dirname(databasePath), MARKER));
}
