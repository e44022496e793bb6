import { accessSync, closeSync, constants, openSync, statSync } from "node:fs";
import { ErrDataLoss, ErrUnavailable } from "../errors/classes.ts";
import { type DrayageError, isDrayageError } from "../errors/drayage-error.ts";
import { diskError } from "./disk-error.ts";

/** Primary result codes (sqlite.org/rescode.html) that mean something to us. */
const SQLITE = {
  busy: 5,
  locked: 6,
  readonly: 8,
  corrupt: 11,
  full: 13,
  cantOpen: 14,
  notADatabase: 26,
} as const;

/** Extended codes carry the primary one in their low byte. */
const PRIMARY_CODE_MASK = 0xff;

/** Whether another connection, of this process or another, holds what the statement needed. */
export function isSqliteBusy(error: unknown): boolean {
  const code = primaryCode(error);
  return code === SQLITE.busy || code === SQLITE.locked;
}

/** Whether a database cannot be opened for writing, as on a read-only medium. */
export function isSqliteReadOnly(error: unknown): boolean {
  const code = primaryCode(error);
  return code === SQLITE.readonly || code === SQLITE.cantOpen;
}

/**
 * The typed error of a failed SQLite call on the database at `path`: `ErrUnavailable` while it is locked, `ErrDataLoss`
 * when it is damaged, otherwise the class that `diskError` gives for the reason underneath.
 */
export function sqliteError(action: string, path: string, cause: unknown): DrayageError {
  if (isDrayageError(cause)) return cause;
  if (isSqliteBusy(cause)) return new ErrUnavailable(`${action} "${path}": database is locked`, { cause });
  const code = primaryCode(cause);
  if (code === SQLITE.corrupt || code === SQLITE.notADatabase) {
    return new ErrDataLoss(`${action} "${path}": database is damaged`, { cause });
  }
  return diskError(action, path, reasonBehind(code, path) ?? cause);
}

function primaryCode(error: unknown): number | undefined {
  const code = (error as { errcode?: unknown } | null)?.errcode;
  return typeof code === "number" ? code & PRIMARY_CODE_MASK : undefined;
}

/** SQLite keeps the errno to itself, so the same thing is asked of the file system. */
function reasonBehind(code: number | undefined, path: string): unknown {
  if (code === SQLITE.full) return { code: "ENOSPC" };
  if (code === SQLITE.readonly || code === SQLITE.cantOpen) return openFailure(path);
  return undefined;
}

function openFailure(path: string): unknown {
  try {
    closeSync(openSync(path, "wx"));
    return undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") return error;
  }
  try {
    // An existing file must not be opened here: closing it would drop this process's locks on it (fcntl(2)).
    if (statSync(path).isDirectory()) return { code: "EISDIR" };
    accessSync(path, constants.R_OK | constants.W_OK);
    return undefined;
  } catch (error) {
    return error;
  }
}
