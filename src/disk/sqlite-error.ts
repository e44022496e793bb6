import { accessSync, closeSync, constants, openSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { ErrDataLoss, ErrUnavailable } from "../errors/classes.ts";
import { type DrayageError, isDrayageError } from "../errors/drayage-error.ts";
import { diskError } from "./disk-error.ts";
import { temporaryPath } from "./temporary-files.ts";

/** Primary result codes (sqlite.org/rescode.html) that mean something to us. */
const SQLITE = {
  busy: 5,
  locked: 6,
  readonly: 8,
  ioError: 10,
  corrupt: 11,
  full: 13,
  cantOpen: 14,
  notADatabase: 26,
} as const;

/** Bytes that must fit beside a database: its index of the log is made in pieces of 32 KiB, and the log needs as much. */
const PROBE_BYTES = 65_536;

/** Files that SQLite has open for a database at the same time: itself, its log, the log's index, and a directory to sync. */
const DESCRIPTORS_OF_A_DATABASE = 4;

/** Extended codes carry the primary one in their low byte. */
const PRIMARY_CODE_MASK = 0xff;

/** Whether another connection, of this process or another, holds what the statement needed. */
export function isSqliteBusy(error: unknown): boolean {
  const code = primaryCode(error);
  return code === SQLITE.busy || code === SQLITE.locked;
}

/** Whether the file is no database, or one whose content contradicts itself. */
export function isSqliteDamaged(error: unknown): boolean {
  const code = primaryCode(error);
  return code === SQLITE.corrupt || code === SQLITE.notADatabase;
}

/**
 * The typed error of a failed SQLite call on the database at `path`: `ErrUnavailable` while it is locked, `ErrDataLoss`
 * when it is damaged, otherwise the class that `diskError` gives for the reason underneath.
 */
export function sqliteError(action: string, path: string, cause: unknown): DrayageError {
  if (isDrayageError(cause)) return cause;
  if (isSqliteBusy(cause)) return new ErrUnavailable(`${action} "${path}": database is locked`, { cause });
  if (isSqliteDamaged(cause)) {
    return new ErrDataLoss(`${action} "${path}": database is damaged`, { cause });
  }
  return diskError(action, path, reasonBehind(primaryCode(cause), path) ?? cause);
}

function primaryCode(error: unknown): number | undefined {
  const code = (error as { errcode?: unknown } | null)?.errcode;
  return typeof code === "number" ? code & PRIMARY_CODE_MASK : undefined;
}

/** SQLite keeps the errno to itself, so the same thing is asked of the file system. */
function reasonBehind(code: number | undefined, path: string): unknown {
  if (code === SQLITE.full) return writeFailure(path) ?? { code: "ENOSPC" };
  if (code === SQLITE.ioError) return writeFailure(path) ?? { code: "EIO" };
  if (code === SQLITE.readonly) return openFailure(path);
  // A file system that turned read-only after an error of its own need not say so before something is made on it.
  if (code === SQLITE.cantOpen)
    return openFailure(path) ?? descriptorShortage(dirname(path)) ?? writeFailure(path);
  return undefined;
}

/**
 * SQLite says "I/O error" as well when there is no room for its side files, which grow by `PROBE_BYTES` at least. So as
 * many bytes are written beside the database and removed again.
 */
function writeFailure(path: string): unknown {
  const probe = temporaryPath(path);
  try {
    writeFileSync(probe, Buffer.alloc(PROBE_BYTES), { flag: "wx" });
    return undefined;
  } catch (error) {
    return error;
  } finally {
    removeQuietly(probe);
  }
}

function removeQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It was not made: that is what the probe was to find out.
  }
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
    accessSync(dirname(path), constants.W_OK); // the log and its index are made beside the database
    return undefined;
  } catch (error) {
    return error;
  }
}

/** By now SQLite has given back what it had, so the question is whether there are as many descriptors as it wants. */
function descriptorShortage(directory: string): unknown {
  const opened: number[] = [];
  try {
    while (opened.length < DESCRIPTORS_OF_A_DATABASE) opened.push(openSync(directory, "r"));
    return undefined;
  } catch (error) {
    return error;
  } finally {
    for (const descriptor of opened) closeSync(descriptor);
  }
}
