import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import type { BackoffPolicy } from "../async/backoff.ts";
import { retry } from "../async/retry.ts";
import type { Digest } from "../digest/digest.ts";
import { isSqliteReadOnly, sqliteError } from "../disk/sqlite-error.ts";
import { ErrFailedPrecondition } from "../errors/classes.ts";
import type { LabelStore, Labels } from "./label-store.ts";

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

/** Synced at checkpoints, not per commit: a power cut may cost the newest labels, never the database. */
const SCHEMA = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  CREATE TABLE IF NOT EXISTS labels (
    digest TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (digest, key)
  ) STRICT, WITHOUT ROWID`;

const SELECT = "SELECT key, value FROM labels WHERE digest = ? ORDER BY key";
const DELETE_ALL = "DELETE FROM labels WHERE digest = ?";
const DELETE = "DELETE FROM labels WHERE digest = ? AND key = ?";
const UPSERT = "INSERT OR REPLACE INTO labels (digest, key, value) VALUES (?, ?, ?)";

/**
 * Labels in a SQLite database, safe across processes and kill -9. The file is made with the first label, and only read
 * on a read-only medium. Methods throw `ErrUnavailable` while another process keeps it locked, `ErrDataLoss` when it is
 * damaged, and the classes of `diskError`.
 */
export class SqliteLabelStore implements LabelStore {
  readonly #path: string;
  #database: DatabaseSync | undefined;
  #closed = false;

  constructor(path: string) {
    this.#path = path;
  }

  get(digest: Digest): Promise<Labels> {
    return this.#run("read labels", () => {
      if (!this.#exists()) return {};
      const rows = this.#open("read").prepare(SELECT).all(digest);
      return Object.fromEntries(rows.map(({ key, value }) => [String(key), String(value)]));
    });
  }

  set(digest: Digest, labels: Labels): Promise<void> {
    return this.#run("write labels", () => {
      const entries = Object.entries(labels);
      if (entries.length === 0 && !this.#exists()) return;
      this.#transaction((database) => {
        database.prepare(DELETE_ALL).run(digest);
        for (const [key, value] of entries) database.prepare(UPSERT).run(digest, key, value);
      });
    });
  }

  merge(digest: Digest, labels: Labels): Promise<void> {
    return this.#run("write labels", () => {
      this.#transaction((database) => {
        for (const [key, value] of Object.entries(labels)) {
          if (value === "") database.prepare(DELETE).run(digest, key);
          else database.prepare(UPSERT).run(digest, key, value);
        }
      });
    });
  }

  /** Closes the database. Everything but another `close` then throws `ErrFailedPrecondition`. */
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

  #exists(): boolean {
    return this.#database !== undefined || existsSync(this.#path);
  }

  #transaction(work: (database: DatabaseSync) => void): void {
    const database = this.#open("write");
    database.exec("BEGIN IMMEDIATE");
    try {
      work(database);
      database.exec("COMMIT");
    } catch (error) {
      if (database.isTransaction) database.exec("ROLLBACK"); // SQLite has done it already when the disk is full
      throw error;
    }
  }

  #open(purpose: "read" | "write"): DatabaseSync {
    this.#database ??= openDatabase(this.#path, purpose);
    return this.#database;
  }
}

function openDatabase(path: string, purpose: "read" | "write"): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { timeout: 0 });
    database.exec(SCHEMA);
    return database;
  } catch (error) {
    database?.close();
    if (purpose === "write" || !isSqliteReadOnly(error)) throw error;
    // A WAL database needs a place for its index, which a read-only medium has not; nor has it writers.
    return new DatabaseSync(`${pathToFileURL(path).href}?immutable=1`, { readOnly: true, timeout: 0 });
  }
}
