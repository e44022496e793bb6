import { statSync, unlinkSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { type AbortOptions, throwIfAborted } from "../async/abort.ts";
import { type BackoffPolicy, nextDelayMs } from "../async/backoff.ts";
import { type Clock, systemClock } from "../async/clock.ts";
import type { Release } from "../async/keyed-lock.ts";
import { diskError } from "./disk-error.ts";
import { openSqlite } from "./sqlite.ts";
import { isSqliteBusy, sqliteError } from "./sqlite-error.ts";

/** One holder alone, or any number of them together. */
export type FileLockMode = "exclusive" | "shared";

/** How a lock is given back. */
export interface FileLockOptions {
  /** Removes the file on release of an exclusive lock, so that locks of passing things leave nothing. Default false. */
  readonly removeOnRelease?: boolean | undefined;
}

/** How a lock is waited for. */
export interface LockFileOptions extends FileLockOptions, AbortOptions {
  /** Default exclusive. */
  readonly mode?: FileLockMode | undefined;
  /** How long to wait between two looks. Default `LOCK_BACKOFF`. */
  readonly backoff?: BackoffPolicy | undefined;
  readonly clock?: Clock | undefined;
}

/** Waiting for a lock: random below 16 ms, doubling to 2048 ms, for ever (containerd's `OpenWriter`). */
export const LOCK_BACKOFF: BackoffPolicy = {
  maxAttempts: Number.POSITIVE_INFINITY,
  baseMs: 16,
  maxMs: 2_048,
  maxRetryAfterMs: 0,
  random: Math.random,
};

/** Replacements of the file that one attempt puts up with; more of them only look like a lock that is taken. */
const MAX_REPLACEMENTS = 8;

/** The journal stays in memory, because a journal file would outlive a killed holder. */
const BEGIN: Readonly<Record<FileLockMode, string>> = {
  exclusive: "PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE",
  shared: "PRAGMA journal_mode = MEMORY; BEGIN; SELECT 1 FROM sqlite_master",
};

/** Keeps the connections of held locks alive: the garbage collector would close them, and with them the lock is gone. */
const held = new Set<DatabaseSync>();

/**
 * Takes the lock on the file at `path` if it is free, otherwise `undefined`. The kernel gives it back when the process
 * dies, however it dies. It excludes other processes, other threads and other holders in this process alike. The file
 * is made when it is missing, its directory must be there; nobody may open it by other means, since closing it would
 * drop the lock. Throws the classes of `diskError`.
 */
export function tryLockFile(
  path: string,
  mode: FileLockMode,
  { removeOnRelease = false }: FileLockOptions = {},
): Release | undefined {
  for (let round = 0; round < MAX_REPLACEMENTS; round++) {
    const before = fileIdentity(path);
    const database = begin(path, mode);
    if (!database) return undefined;
    if (bearsName(path, { before, database })) {
      return releaseOnce(database, removeOnRelease && mode === "exclusive" ? path : undefined);
    }
    database.close();
  }
  return undefined;
}

/** A holder may have removed the file that we opened: only the one that bears the name now excludes others. */
function bearsName(
  path: string,
  { before, database }: { readonly before: string | undefined; readonly database: DatabaseSync },
): boolean {
  try {
    return before !== undefined && before === fileIdentity(path);
  } catch (error) {
    database.close(); // it would hold the lock until somebody collects it
    throw error;
  }
}

/** Waits for the lock of `tryLockFile`, looking as often as `backoff` says. Rejects with `ErrCanceled` when the signal fires. */
export async function lockFile(path: string, options: LockFileOptions = {}): Promise<Release> {
  const { mode = "exclusive", backoff = LOCK_BACKOFF, clock = systemClock, signal } = options;
  for (let attempt = 1; ; attempt++) {
    throwIfAborted(signal);
    const release = tryLockFile(path, mode, options);
    if (release) return release;
    await clock.sleep(nextDelayMs(backoff, attempt) ?? 0, { signal });
  }
}

function begin(path: string, mode: FileLockMode): DatabaseSync | undefined {
  let database: DatabaseSync | undefined;
  try {
    database = openSqlite(path, { timeout: 0 });
    database.exec(BEGIN[mode]);
    return database;
  } catch (cause) {
    database?.close();
    if (isSqliteBusy(cause)) return undefined;
    throw sqliteError("lock file", path, cause);
  }
}

/**
 * Tells files apart that had the same name one after the other; the birth time, because inode numbers are used again.
 * `undefined` when there is none of that name. Throws the classes of `diskError`.
 */
export function fileIdentity(path: string): string | undefined {
  try {
    const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
    return stat && `${stat.dev}:${stat.ino}:${stat.birthtimeNs}`;
  } catch (cause) {
    throw diskError("lock file", path, cause);
  }
}

function releaseOnce(database: DatabaseSync, removedPath: string | undefined): Release {
  held.add(database);
  return () => {
    if (!held.delete(database)) return;
    if (removedPath !== undefined) removeQuietly(removedPath);
    database.close();
  };
}

function removeQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // A lock file that stays behind is empty and serves the next holder as well.
  }
}
