import { resolve } from "node:path";
import type { DatabaseSync, SQLOutputValue, StatementSync } from "node:sqlite";
import type { AbortOptions } from "../../async/abort.ts";
import type { Release } from "../../async/keyed-lock.ts";
import { nowNs } from "../../async/wall-clock.ts";
import type { Digest } from "../../digest/digest.ts";
import { lockFile } from "../../disk/file-lock.ts";
import { makeLockDirectory } from "../../disk/make-directory.ts";
import { ErrNotFound } from "../../errors/classes.ts";
import { checkOptions } from "../../options/check-options.ts";
import { required } from "../../options/rule.ts";
import { aPath } from "../../options/rules.ts";
import type { HeldContent } from "../containing-store.ts";
import { type LabelStore, type Labels, validateLabels } from "../labels/label-store.ts";
import { MetadataDatabase, type MetadataOptions } from "../labels/metadata-database.ts";
import { markNamespaces } from "../labels/namespaces-marker.ts";
import { lostNamespaces } from "../labels/set-aside.ts";
import { Layout } from "../local/layout.ts";
import type { NamespaceHolders } from "../ownership/sweeper.ts";
import {
  type NamespaceEntry,
  type NamespaceMetadata,
  type NewEntry,
  SHAREABLE_LABEL,
} from "./namespace-metadata.ts";
import { parseNamespace } from "./parse-namespace.ts";

/** Entries that `list` reads at once: what comes of them is awaited between one page and the next. */
const PAGE_ENTRIES = 200;

/** Stands for whoever put a blob into the backend without a namespace; no namespace is called so. */
const NOBODY = "";

const SQL = {
  get: "SELECT digest, created_ns, updated_ns FROM namespace_blobs WHERE digest = ? AND namespace = ?",
  page: `SELECT digest, created_ns, updated_ns FROM namespace_blobs WHERE namespace = ? AND digest > ?
    ORDER BY digest LIMIT ${PAGE_ENTRIES}`,
  count: "SELECT count(*) AS count FROM namespace_blobs WHERE digest = ?",
  insert:
    "INSERT OR IGNORE INTO namespace_blobs (digest, namespace, created_ns, updated_ns) VALUES (?, ?, ?, ?)",
  stamp: "UPDATE namespace_blobs SET updated_ns = ? WHERE digest = ? AND namespace = ?",
  holder: `SELECT namespace FROM namespace_blobs WHERE digest = ? AND namespace <> '${NOBODY}' LIMIT 1`,
  remove: "DELETE FROM namespace_blobs WHERE digest = ? AND namespace = ?",
  namespaces: `SELECT DISTINCT namespace FROM namespace_blobs WHERE namespace <> '${NOBODY}' ORDER BY namespace`,
  removeStale: "DELETE FROM namespace_blobs WHERE digest = ?",
  labels: "SELECT key, value FROM namespace_labels WHERE digest = ? AND namespace = ? ORDER BY key",
  setLabel: "INSERT OR REPLACE INTO namespace_labels (digest, namespace, key, value) VALUES (?, ?, ?, ?)",
  removeLabel: "DELETE FROM namespace_labels WHERE digest = ? AND namespace = ? AND key = ?",
  removeLabels: "DELETE FROM namespace_labels WHERE digest = ? AND namespace = ?",
  removeStaleLabels: "DELETE FROM namespace_labels WHERE digest = ?",
  ownLabels: "SELECT key, value FROM labels_of_namespaces WHERE namespace = ? ORDER BY key",
  setOwnLabel: "INSERT OR REPLACE INTO labels_of_namespaces (namespace, key, value) VALUES (?, ?, ?)",
  removeOwnLabel: "DELETE FROM labels_of_namespaces WHERE namespace = ? AND key = ?",
  shareable: `SELECT 1 FROM namespace_blobs JOIN labels_of_namespaces USING (namespace)
    WHERE digest = ? AND key = '${SHAREABLE_LABEL}' AND value = 'true' LIMIT 1`,
} as const;

/** Where namespaces keep what they know. */
export interface NamespaceMetadataOptions {
  /**
   * The directory of the content store.
   * @example root: "/var/lib/engine/content"
   */
  readonly root: string;
}

/**
 * Opens what namespaces know of the content store at `root`, in its `meta.db` and `locks`; the caller closes it. Any
 * number may be open on a root, in one process or in many. Nothing is made before the first change.
 */
export function openNamespaceMetadata(options: NamespaceMetadataOptions): SqliteNamespaceMetadata {
  checkOptions<NamespaceMetadataOptions>("open namespaces", options, { root: required(aPath) });
  return new SqliteNamespaceMetadata(new Layout(resolve(options.root)));
}

/**
 * `NamespaceMetadata` beside a content store on the local disk; what is thrown is `MetadataDatabase`'s. Unlike labels, what
 * is kept here is no hint: only it says which blobs a namespace holds.
 */
export class SqliteNamespaceMetadata implements NamespaceMetadata, NamespaceHolders, Disposable {
  readonly #layout: Layout;
  readonly #database: MetadataDatabase;

  constructor(layout: Layout, { readOnly }: Pick<MetadataOptions, "readOnly"> = {}) {
    this.#layout = layout;
    // A commit that a client was told of must not be forgotten, even though the bytes are there.
    this.#database = new MetadataDatabase(layout.metadata, { durability: "commit", readOnly });
  }

  get(namespace: string, digest: Digest): Promise<NamespaceEntry | undefined> {
    return this.#database.read("read namespace", undefined, (database) => {
      const row = prepare(database, "get").get(digest, namespace);
      return row && entryOf(database, namespace, row);
    });
  }

  async *list(namespace: string): AsyncGenerator<NamespaceEntry> {
    for (let after = ""; ; ) {
      const page = await this.#page(namespace, after);
      yield* page;
      const last = page[PAGE_ENTRIES - 1];
      if (!last) return;
      after = last.digest;
    }
  }

  /** What all namespaces hold; what is added or removed meanwhile may be among it. */
  async *listAll(): AsyncGenerator<HeldContent> {
    const namespaces = await this.#database.read("read namespaces", [], (database) =>
      prepare(database, "namespaces")
        .all()
        .map((row) => String(row["namespace"])),
    );
    for (const namespace of namespaces) {
      for await (const { digest, labels } of this.list(namespace)) yield { digest, namespace, labels };
    }
  }

  async add(namespace: string, digest: Digest, { labels, found }: NewEntry): Promise<boolean> {
    markNamespaces(this.#layout.metadata);
    return await this.#database.write("write namespace", (database) => {
      const now = nowNs();
      const insert = (owner: string) => prepare(database, "insert").run(digest, owner, now, now).changes > 0;
      if (!found) {
        prepare(database, "removeStale").run(digest);
        prepare(database, "removeStaleLabels").run(digest);
      } else if (countOf(database, digest) === 0) {
        insert(NOBODY);
      }
      if (!insert(namespace)) return false;
      setLabels(database, [digest, namespace], labels);
      return true;
    });
  }

  remove(namespace: string, digest: Digest): Promise<{ readonly last: boolean } | undefined> {
    return this.#database.write("write namespace", (database) => {
      const { changes } = prepare(database, "remove").run(digest, namespace);
      if (Number(changes) === 0) return undefined;
      prepare(database, "removeLabels").run(digest, namespace);
      return { last: countOf(database, digest) === 0 };
    });
  }

  labels(namespace: string): LabelStore {
    const change = (digest: Digest, work: (database: DatabaseSync) => void): Promise<void> =>
      this.#database.write("write labels", (database) => {
        const { changes } = prepare(database, "stamp").run(nowNs(), digest, namespace);
        if (Number(changes) === 0) throw new ErrNotFound(`content digest ${digest}: not found`, { digest });
        work(database);
      });
    return {
      get: async (digest) => (await this.get(namespace, digest))?.labels ?? {},
      set: (digest, labels) =>
        change(digest, (database) => {
          prepare(database, "removeLabels").run(digest, namespace);
          setLabels(database, [digest, namespace], labels);
        }),
      merge: (digest, labels) =>
        change(digest, (database) => {
          for (const [key, value] of Object.entries(labels)) {
            if (value === "") prepare(database, "removeLabel").run(digest, namespace, key);
            else prepare(database, "setLabel").run(digest, namespace, key, value);
          }
        }),
    };
  }

  namespaceLabels(namespace: string): Promise<Labels> {
    return this.#database.read("read namespace", {}, (database) =>
      labelsOf(prepare(database, "ownLabels").all(namespace)),
    );
  }

  async labelNamespace(namespace: string, labels: Labels): Promise<void> {
    parseNamespace(namespace);
    validateLabels(labels);
    await this.#database.write("write namespace", (database) => {
      for (const [key, value] of Object.entries(labels)) {
        if (value === "") prepare(database, "removeOwnLabel").run(namespace, key);
        else prepare(database, "setOwnLabel").run(namespace, key, value);
      }
    });
  }

  /**
   * The damaged database that was set aside, when namespaces held content by then: until a person removes it, nobody knows
   * what they hold, and nothing that no name needs may be deleted.
   */
  lost(): string | undefined {
    return lostNamespaces(this.#layout.metadata);
  }

  isShareable(digest: Digest): Promise<boolean> {
    return this.#database.read(
      "read namespace",
      false,
      (database) => prepare(database, "shareable").get(digest) !== undefined,
    );
  }

  /** With damaged records set aside nobody knows what namespaces hold, and everything counts as theirs. */
  async holder(digest: Digest): Promise<string | undefined> {
    const known = await this.#database.read("read namespace", undefined, (database) => {
      const row = prepare(database, "holder").get(digest);
      return row && String(row["namespace"]);
    });
    const lost = this.lost();
    return known ?? (lost === undefined ? undefined : `of the damaged records in "${lost}"`);
  }

  async isKnown(digest: Digest): Promise<boolean> {
    const count = await this.#database.read("read namespace", 0, (database) => countOf(database, digest));
    return count > 0 || this.lost() !== undefined;
  }

  async disown(digest: Digest): Promise<void> {
    const isNobodys = await this.#database.read(
      "read namespace",
      false,
      (database) => prepare(database, "get").get(digest, NOBODY) !== undefined,
    );
    if (!isNobodys) return;
    await this.#database.write("write namespace", (database) =>
      prepare(database, "remove").run(digest, NOBODY),
    );
  }

  async lock(digest: Digest, options: AbortOptions = {}): Promise<Release> {
    await makeLockDirectory(this.#layout.locks);
    return lockFile(this.#layout.blobLockPath(digest), { ...options, removeOnRelease: true });
  }

  /** Closes the database. Everything but another `close` then throws `ErrFailedPrecondition`. */
  close(): void {
    this.#database.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #page(namespace: string, after: string): Promise<readonly NamespaceEntry[]> {
    return this.#database.read("read namespace", [], (database) =>
      prepare(database, "page")
        .all(namespace, after)
        .map((row) => entryOf(database, namespace, row)),
    );
  }
}

/** Compiling a statement takes longer than most of them run, and every read of a namespace needs some. */
const prepared = new WeakMap<DatabaseSync, Map<keyof typeof SQL, StatementSync>>();

function prepare(database: DatabaseSync, name: keyof typeof SQL): StatementSync {
  const known = prepared.get(database) ?? new Map<keyof typeof SQL, StatementSync>();
  prepared.set(database, known);
  const statement = known.get(name) ?? database.prepare(SQL[name]);
  known.set(name, statement);
  statement.setReadBigInts(true); // nanoseconds since the epoch are beyond a double
  return statement;
}

function countOf(database: DatabaseSync, digest: Digest): number {
  return Number(prepare(database, "count").get(digest)?.["count"] ?? 0);
}

function setLabels(database: DatabaseSync, entry: readonly [Digest, string], labels: Labels): void {
  for (const [key, value] of Object.entries(labels)) {
    if (value !== "") prepare(database, "setLabel").run(...entry, key, value);
  }
}

function entryOf(
  database: DatabaseSync,
  namespace: string,
  row: Readonly<Record<string, SQLOutputValue>>,
): NamespaceEntry {
  const digest = String(row["digest"]) as Digest;
  const labels = prepare(database, "labels").all(digest, namespace);
  return {
    digest,
    createdAtNs: row["created_ns"] as bigint,
    updatedAtNs: row["updated_ns"] as bigint,
    labels: labelsOf(labels),
  };
}

function labelsOf(rows: ReadonlyArray<Readonly<Record<string, SQLOutputValue>>>): Labels {
  return Object.fromEntries(rows.map(({ key, value }) => [String(key), String(value)]));
}
