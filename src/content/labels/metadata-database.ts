import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import type { BackoffPolicy } from "../../async/backoff.ts";
import { retry } from "../../async/retry.ts";
import { isSqliteReadOnly, sqliteError } from "../../disk/sqlite-error.ts";
import { ErrFailedPrecondition } from "../../errors/classes.ts";

/**
 * Waiting for another process's transaction, which takes well below a millisecond: about a second in all, then
 * something is wrong with that process. SQLite's own waiting would block the event loop.
 */
const BUSY_BACKOFF: BackoffPolicy = {
  maxAttempts: 12,
  baseMs: 4,
  maxMs: 256,
  maxRetryAfterMs: 0,
  random: Math.random,
};

/** The labels of blobs, what namespaces know of them, and the labels of the namespaces themselves. */
const SCHEMA = `
  PRAGMA journal_mode = WAL;
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
 * A connection to the SQLite database beside the blobs, safe across processes and kill -9. The file is made with the
 * first change, and only read on a read-only medium.
 */
export class MetadataDatabase {
  readonly #path: string;
  readonly #durability: Durability;
  #database: DatabaseSync | undefined;
  #closed = false;

  constructor(path: string, durability: Durability) {
    this.#path = path;
    this.#durability = durability;
  }

  /**
   * What `work` finds, or `nothing` while there is no database. `action` is for errors: throws `ErrUnavailable` while
   * another process keeps the database locked, `ErrDataLoss` when it is damaged, and the classes of `diskError`.
   */
  read<T>(action: string, nothing: T, work: (database: DatabaseSync) => T): Promise<T> {
    return this.#run(action, () => (this.exists() ? work(this.#open("read")) : nothing));
  }

  /** Does `work`, which may run again when the database is busy, in one transaction. Throws as `read` does. */
  write<T>(action: string, work: (database: DatabaseSync) => T): Promise<T> {
    return this.#run(action, () => {
      const database = this.#open("write");
      database.exec("BEGIN IMMEDIATE");
      try {
        const result = work(database);
        database.exec("COMMIT");
        return result;
      } catch (error) {
        if (database.isTransaction) database.exec("ROLLBACK"); // SQLite has done it already when the disk is full
        throw error;
      }
    });
  }

  /** Whether anything has been written, by whomever. */
  exists(): boolean {
    return this.#database !== undefined || existsSync(this.#path);
  }

  /** Closes the connection. Everything but another `close` then throws `ErrFailedPrecondition`. */
  close(): void {
    this.#closed = true;
    this.#database?.close();
    this.#database = undefined;
  }

  #run<T>(action: string, work: () => T): Promise<T> {
    return retry(
      async () => {
        if (this.#closed) throw new ErrFailedPrecondition(`${action} "${this.#path}": store is closed`);
        try {
          return work();
        } catch (cause) {
          throw sqliteError(action, this.#path, cause);
        }
      },
      { policy: BUSY_BACKOFF },
    );
  }

  #open(purpose: "read" | "write"): DatabaseSync {
    this.#database ??= openDatabase(this.#path, purpose, this.#durability);
    return this.#database;
  }
}

function openDatabase(path: string, purpose: "read" | "write", durability: Durability): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { timeout: 0 });
    database.exec(SCHEMA);
    database.exec(SYNCHRONOUS[durability]);
    return database;
  } catch (error) {
    database?.close();
    if (purpose === "write" || !isSqliteReadOnly(error)) throw error;
    // A WAL database needs a place for its index, which a read-only medium has not; nor has it writers.
    return new DatabaseSync(`${pathToFileURL(path).href}?immutable=1`, { readOnly: true, timeout: 0 });
  }
}
