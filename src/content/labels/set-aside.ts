import { readdirSync, renameSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { diskError, isMissingFile } from "../../disk/disk-error.ts";
import { fileIdentity, lockFile } from "../../disk/file-lock.ts";
import { makeLockDirectory } from "../../disk/make-directory.ts";
import { hasNamespaces } from "./namespaces-marker.ts";

/** What stands between the name of a database and the time at which it was found damaged. */
export const DAMAGED_DATABASE = ".damaged-";

/** The files of a database in WAL mode. The log goes along, so that it is not taken for that of the next database. */
const FILES = ["", "-wal", "-shm"];

/**
 * Gives a damaged database another name, so that the next one to open it makes a new one; returns that name, or
 * `undefined` when the file is not the one that was found damaged: somebody else did it already. Throws the classes of
 * `diskError`.
 */
export async function setAside(path: string, damaged: string): Promise<string | undefined> {
  const locks = join(dirname(path), "locks");
  await makeLockDirectory(locks);
  const release = await lockFile(join(locks, "set-aside"), { removeOnRelease: true });
  try {
    if (fileIdentity(path) !== damaged) return undefined;
    const target = `${path}${DAMAGED_DATABASE}${new Date().toISOString().replaceAll(":", "")}`;
    for (const suffix of FILES) renameIfThere(`${path}${suffix}`, `${target}${suffix}`);
    return target;
  } catch (cause) {
    throw diskError("set aside", path, cause);
  } finally {
    release();
  }
}

/**
 * The database that was set aside, and with it what namespaces hold: what they may hold cannot be told from what nobody
 * needs until a person removes that file. `undefined` when nothing was lost. Throws the classes of `diskError`.
 */
export function lostNamespaces(path: string): string | undefined {
  if (!hasNamespaces(path)) return undefined;
  try {
    const prefix = `${basename(path)}${DAMAGED_DATABASE}`;
    const name = readdirSync(dirname(path)).find((candidate) => candidate.startsWith(prefix));
    return name && join(dirname(path), name);
  } catch (cause) {
    throw diskError("read directory", dirname(path), cause);
  }
}

function renameIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (cause) {
    if (!isMissingFile(cause)) throw cause;
  }
}
