import { existsSync, statSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import type { BackoffPolicy } from "../../async/backoff.ts";
import { retry } from "../../async/retry.ts";
import { fileIdentity } from "../../disk/file-lock.ts";
import { readOnlyRoot } from "../../disk/read-only-root.ts";
import { isSqliteDamaged, sqliteError } from "../../disk/sqlite-error.ts";
import { ErrDataLoss, ErrFailedPrecondition } from "../../errors/classes.ts";
import { findError } from "../../errors/predicates.ts";
import { hasNamespaces } from "./namespaces-marker.ts";
import { type Connection, type Durability, openMetadata, openToRead } from "./open-metadata.ts";
import { setAside } from "./set-aside.ts";

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

/** Told what a person should know. */
export type Warn = (details: object, message: string) => void;

/** How a connection is made. */
export interface MetadataOptions {
  readonly durability: Durability;
  /** Told when a damaged database is set aside. Default: nobody. */
  readonly warn?: Warn | undefined;
  /**
   * The file is only read, and neither set aside nor another one made beside it.
   * @defaultValue `false`
   * @example readOnly: true
   */
  readonly readOnly?: boolean | undefined;
}

/**
 * A connection to the SQLite database beside the blobs, safe across processes and kill -9. The file is made with the
 * first change, and only read where it cannot be written. A database that is damaged is set aside under another name, and
 * the operation begins again without it: labels of blobs, which are hints, are lost. What namespaces hold is no hint, and
 * therefore keeps being asked of the file that was set aside (`foundSetAside`) until a person removes it.
 */
export class MetadataDatabase {
  readonly #path: string;
  readonly #durability: Durability;
  readonly #readOnly: boolean;
  readonly #warn: Warn;
  #kept: { readonly database: DatabaseSync; readonly identity: string | undefined } | undefined;
  #closed = false;

  constructor(path: string, { durability, warn = () => {}, readOnly = false }: MetadataOptions) {
    this.#readOnly = readOnly;
    this.#path = path;
    this.#durability = durability;
    this.#warn = warn;
  }

  /**
   * What `work` finds, or `nothing` while there is no database. `action` is for errors: throws `ErrUnavailable` while
   * another process keeps the database locked, `ErrDataLoss` when it is damaged and cannot be set aside, and the classes
   * of `diskError`.
   */
  read<T>(action: string, nothing: T, work: (database: DatabaseSync) => T): Promise<T> {
    return this.#run(action, (identity) =>
      identity === undefined ? nothing : this.#use("read", identity, work),
    );
  }

  /** Does `work`, which may run again when the database is busy, in one transaction. Throws as `read` does. */
  write<T>(action: string, work: (database: DatabaseSync) => T): Promise<T> {
    return this.#run(action, (identity) =>
      this.#use("write", identity, (database) => inTransaction(database, work)),
    );
  }

  /** Whether anything has been written, by whomever. */
  exists(): boolean {
    return existsSync(this.#path);
  }

  /** Closes the connection. Everything but another `close` then throws `ErrFailedPrecondition`. */
  close(): void {
    this.#closed = true;
    this.#letGo();
  }

  /** Does `work` with what the file is at that moment, in one turn of the event loop. */
  #run<T>(action: string, work: (identity: string | undefined) => T): Promise<T> {
    return retry(
      async () => {
        if (this.#closed) throw new ErrFailedPrecondition(`${action} "${this.#path}": store is closed`);
        const identity = fileIdentity(this.#path);
        try {
          return this.#attempt(action, () => work(identity));
        } catch (error) {
          if (identity === undefined || this.#readOnly || !this.#isDamage(error)) throw error;
          await this.#setAside(identity, error);
          return this.#attempt(action, () => work(fileIdentity(this.#path)));
        }
      },
      { policy: BUSY_BACKOFF },
    );
  }

  #attempt<T>(action: string, work: () => T): T {
    try {
      return work();
    } catch (cause) {
      if (isNoFile(this.#path))
        throw new ErrDataLoss(`${action} "${this.#path}": not a regular file`, { cause });
      throw sqliteError(action, this.#path, cause);
    }
  }

  /** What is no file at all was never a database of ours. */
  #isDamage(error: unknown): boolean {
    return isSqliteDamaged(findError(error)?.cause) || isNoFile(this.#path);
  }

  #use<T>(purpose: "read" | "write", identity: string | undefined, work: (database: DatabaseSync) => T): T {
    const { database, lasting } = this.#open(purpose, identity);
    try {
      return work(database);
    } finally {
      if (!lasting) database.close();
    }
  }

  #open(purpose: "read" | "write", identity: string | undefined): Connection {
    // Somebody may have set the file aside, or put a copy of it back: what is open then has no name any more.
    if (this.#kept && this.#kept.identity !== identity) this.#letGo();
    if (this.#kept) return { database: this.#kept.database, lasting: true };
    if (this.#readOnly && purpose === "write") throw readOnlyRoot("write metadata");
    const opened = this.#readOnly
      ? openToRead(this.#path, this.#durability)
      : openMetadata(this.#path, { durability: this.#durability, purpose });
    if (opened.lasting) this.#kept = { database: opened.database, identity: fileIdentity(this.#path) };
    return opened;
  }

  async #setAside(identity: string, error: unknown): Promise<void> {
    this.#letGo();
    const target = await setAside(this.#path, identity).catch(() => {
      throw error; // that it is damaged matters more than that it cannot be moved
    });
    if (target === undefined) return;
    const lost = hasNamespaces(this.#path)
      ? "the labels of blobs are lost, and so is what namespaces hold: content is kept until that file is removed"
      : "the labels of blobs are lost";
    this.#warn({ err: error, path: this.#path, setAside: target }, `damaged metadata was set aside: ${lost}`);
  }

  #letGo(): void {
    this.#kept?.database.close();
    this.#kept = undefined;
  }
}

function isNoFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() === false;
  } catch {
    return false; // what keeps it from being looked at is what went wrong with the work as well
  }
}

function inTransaction<T>(database: DatabaseSync, work: (database: DatabaseSync) => T): T {
  database.exec("BEGIN IMMEDIATE");
  try {
    const result = work(database);
    database.exec("COMMIT");
    return result;
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK"); // SQLite has done it already when the disk is full
    throw error;
  }
}
