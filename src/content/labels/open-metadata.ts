import { statSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { isDiskFull, isUnwritable } from "../../disk/disk-error.ts";
import { openSqlite } from "../../disk/sqlite.ts";
import { sqliteError } from "../../disk/sqlite-error.ts";
import { ErrFailedPrecondition } from "../../errors/classes.ts";
import { markNamespaces } from "./namespaces-marker.ts";

/** Version of the tables below, kept in the database as its `user_version`; 0 is what came before there was one. */
const SCHEMA_VERSION = 1;

/** The labels of blobs, what namespaces know of them, and the labels of the namespaces themselves. */
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS labels (
    digest TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (digest, key)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS namespace_blobs (
    digest TEXT NOT NULL, namespace TEXT NOT NULL, created_ns INTEGER NOT NULL, updated_ns INTEGER NOT NULL,
    PRIMARY KEY (digest, namespace)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS namespace_digests ON namespace_blobs (namespace, digest);
  CREATE TABLE IF NOT EXISTS namespace_labels (
    digest TEXT NOT NULL, namespace TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (digest, namespace, key)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS labels_of_namespaces (
    namespace TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (namespace, key)
  ) STRICT, WITHOUT ROWID`;

/**
 * When a change is safe from a power cut. `checkpoint`: some time later; the newest changes may be lost, never the
 * database. `commit`: as soon as it is made.
 */
export type Durability = "checkpoint" | "commit";

const SYNCHRONOUS: Readonly<Record<Durability, string>> = {
  checkpoint: "PRAGMA synchronous = NORMAL",
  commit: "PRAGMA synchronous = FULL",
};

/**
 * The index of the log is in memory, and nobody else uses the database meanwhile: a full disk has no room for the file that
 * otherwise it is.
 */
const ALONE = "PRAGMA locking_mode = EXCLUSIVE";

/** How a database is opened. */
export interface OpenMetadataOptions {
  readonly durability: Durability;
  /** What it is opened for: only reading can do with a medium that cannot be written, or is full. */
  readonly purpose: "read" | "write";
}

/** An open database. */
export interface Connection {
  readonly database: DatabaseSync;
  /**
   * Whether it may be kept. One that can only read sees the file as it was when it was opened, or keeps everybody else from it,
   * and whether it can be written is asked again by the next operation.
   */
  readonly lasting: boolean;
}

/**
 * Opens the database at `path` and brings its tables up to date; the caller closes it. Throws SQLite's errors, those of
 * `sqliteError`, and `ErrFailedPrecondition` for a database of a newer version.
 */
export function openMetadata(path: string, { durability, purpose }: OpenMetadataOptions): Connection {
  try {
    return { database: open(path, SYNCHRONOUS[durability]), lasting: true };
  } catch (error) {
    if (purpose === "write") throw error;
    const reason = sqliteError("open", path, error);
    if (isDiskFull(reason)) return { database: open(path, ALONE), lasting: false };
    // A shortage of descriptors looks the same to SQLite, and must not make the database read-only.
    if (!isUnwritable(reason)) throw error;
    return { database: openReadOnly(path, durability), lasting: false };
  }
}

/**
 * Opens the database at `path` for one look that leaves no file behind: where somebody has it open, beside him, and otherwise as it is on
 * the disk. Throws as `openMetadata` does.
 */
export function openToRead(path: string, durability: Durability): Connection {
  const isOpenElsewhere = statSync(`${path}-shm`, { throwIfNoEntry: false }) !== undefined;
  const database = isOpenElsewhere
    ? openSqlite(path, { readOnly: true, timeout: 0 })
    : openReadOnly(path, durability);
  return { database, lasting: false };
}

function open(path: string, setting: string): DatabaseSync {
  const database = openSqlite(path, { timeout: 0 });
  try {
    database.exec(setting);
    upgrade(database, path);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Only reads when there is nothing to do: then it waits for no lock of anybody. */
function upgrade(database: DatabaseSync, path: string): void {
  const version = versionOf(database);
  if (version > SCHEMA_VERSION) {
    throw new ErrFailedPrecondition(
      `open "${path}": got schema version ${version}, wanted at most ${SCHEMA_VERSION}: a newer drayage wrote it`,
    );
  }
  if (version === SCHEMA_VERSION) return;
  database.exec("PRAGMA journal_mode = WAL");
  database.exec(`BEGIN IMMEDIATE; ${SCHEMA}`);
  if (database.prepare("SELECT 1 FROM namespace_blobs LIMIT 1").get()) markNamespaces(path);
  database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT`);
}

function versionOf(database: DatabaseSync): number {
  return Number(database.prepare("PRAGMA user_version").get()?.["user_version"] ?? 0);
}

/** A WAL database needs a place for its index, which a read-only medium has not; nor has it writers. */
function openReadOnly(path: string, durability: Durability): DatabaseSync {
  const log = statSync(`${path}-wal`, { throwIfNoEntry: false });
  if (durability === "commit" && log !== undefined && log.size > 0) {
    throw new ErrFailedPrecondition(
      `open "${path}": its newest changes are in "${path}-wal", which cannot be read on a read-only medium`,
    );
  }
  return openSqlite(`${pathToFileURL(path).href}?immutable=1`, { readOnly: true, timeout: 0 });
}
