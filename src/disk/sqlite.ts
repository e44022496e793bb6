import type { DatabaseSync, DatabaseSyncOptions } from "node:sqlite";
import { requireNode } from "../errors/require-node.ts";

type Sqlite = typeof import("node:sqlite");

let sqlite: Sqlite | undefined;

/**
 * Opens a database. SQLite is loaded with the first one. Throws SQLite's own errors, and `ErrFailedPrecondition` on a Node.js
 * that is too old to have it.
 */
export function openSqlite(path: string, options: DatabaseSyncOptions): DatabaseSync {
  sqlite ??= loadSqlite();
  return new sqlite.DatabaseSync(path, options);
}

/**
 * Node 22 warns of SQLite when it is loaded, which means nothing to those who use a program that uses a library: what is used of
 * it is stable. Nothing else runs while it is loaded, so no other warning is kept back.
 */
function loadSqlite(): Sqlite {
  requireNode("open database");
  const original = Object.getOwnPropertyDescriptor(process, "emitWarning") ?? {};
  process.emitWarning = () => {};
  try {
    return process.getBuiltinModule("node:sqlite");
  } finally {
    Object.defineProperty(process, "emitWarning", original);
  }
}
