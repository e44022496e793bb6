import type { DatabaseSync, StatementSync } from "node:sqlite";
import { type Clock, systemClock } from "../../async/clock.ts";
import type { Digest } from "../../digest/digest.ts";
import { isUnavailable } from "../../errors/predicates.ts";
import type { LabelEditor } from "./label-editor.ts";
import { type LabelStore, type Labels, validateLabels } from "./label-store.ts";
import { MetadataDatabase, type Warn } from "./metadata-database.ts";

const SELECT = "SELECT key, value FROM labels WHERE digest = ? ORDER BY key";
const SELECT_ONE = "SELECT value FROM labels WHERE digest = ? AND key = ?";
const DELETE_ALL = "DELETE FROM labels WHERE digest = ?";
const DELETE = "DELETE FROM labels WHERE digest = ? AND key = ?";
const UPSERT = "INSERT OR REPLACE INTO labels (digest, key, value) VALUES (?, ?, ?)";

/**
 * Time in milliseconds for which labels are not asked for again while somebody keeps the database locked: an image has a
 * hundred blobs, and each would wait for him for a second.
 */
const PAUSE_MS = 5_000;

/** How labels are kept. */
export interface LabelStoreOptions {
  /** Told once of each time that labels cannot be read. Default: nobody. */
  readonly warn?: Warn | undefined;
  readonly clock?: Clock | undefined;
  /** The file is only read, and no other is made beside it. Default false. */
  readonly readOnly?: boolean | undefined;
}

/**
 * Labels in the SQLite database at a path. They are hints, so that what cannot be read counts as none, and what cannot be
 * forgotten stays; a change that somebody asked for throws what `MetadataDatabase` throws.
 */
export class SqliteLabelStore implements LabelStore, LabelEditor {
  readonly #database: MetadataDatabase;
  readonly #warn: Warn;
  readonly #clock: Clock;
  #closed = false;
  #pausedUntil = Number.NEGATIVE_INFINITY;

  constructor(path: string, { warn = () => {}, clock = systemClock, readOnly }: LabelStoreOptions = {}) {
    this.#database = new MetadataDatabase(path, { durability: "checkpoint", warn, readOnly });
    this.#warn = warn;
    this.#clock = clock;
  }

  get(digest: Digest): Promise<Labels> {
    return this.#unlessTroubled({}, () =>
      this.#database.read("read labels", {}, (database) => {
        const rows = prepared(database, SELECT).all(digest);
        return Object.fromEntries(rows.map(({ key, value }) => [String(key), String(value)]));
      }),
    );
  }

  async set(digest: Digest, labels: Labels): Promise<void> {
    const entries = Object.entries(labels).filter(([, value]) => value !== "");
    const replace = (): Promise<void> =>
      this.#database.write("write labels", (database) => {
        database.prepare(DELETE_ALL).run(digest);
        for (const [key, value] of entries) database.prepare(UPSERT).run(digest, key, value);
      });
    if (entries.length > 0) return await replace();
    if (!this.#closed && !this.#database.exists()) return;
    // Nearly always there are none; to look takes no lock of anybody.
    if (Object.keys(await this.get(digest)).length > 0) await this.#unlessTroubled(undefined, replace);
  }

  merge(digest: Digest, labels: Labels): Promise<void> {
    return this.#database.write("write labels", (database) => {
      const put = putting(database);
      for (const [key, value] of Object.entries(labels)) put({ digest, key, value });
    });
  }

  async editLabels(
    digests: readonly Digest[],
    key: string,
    edit: (value: string) => string,
  ): Promise<readonly Digest[]> {
    // Nearly always all of them have it by now, or none; to look takes no lock of anybody.
    const lacking = await this.#database.read("read labels", digests, (database) =>
      Array.from(edits(database, { digests, key, edit }), ({ digest }) => digest),
    );
    if (lacking.length === 0) return lacking;
    return await this.#database.write("write labels", (database) => {
      const changes = Array.from(edits(database, { digests: lacking, key, edit }));
      const put = putting(database);
      for (const { digest, value } of changes) put({ digest, key, value });
      return changes.map(({ digest }) => digest);
    });
  }

  /** Closes the database. Everything but another `close` then throws `ErrFailedPrecondition`. */
  close(): void {
    this.#closed = true;
    this.#database.close();
  }

  async #unlessTroubled<T>(nothing: T, work: () => Promise<T>): Promise<T> {
    if (this.#clock.elapsed() < this.#pausedUntil) return nothing;
    try {
      return await work();
    } catch (error) {
      if (this.#closed) throw error;
      if (isUnavailable(error)) this.#pausedUntil = this.#clock.elapsed() + PAUSE_MS;
      this.#warn({ err: error }, "the labels of blobs cannot be read: going on without them");
      return nothing;
    }
  }
}

/** What was compiled, by connection: each blob that comes asks the same. */
const PREPARED = new WeakMap<DatabaseSync, Map<string, StatementSync>>();

function prepared(database: DatabaseSync, sql: string): StatementSync {
  const statements = PREPARED.get(database) ?? new Map<string, StatementSync>();
  PREPARED.set(database, statements);
  const statement = statements.get(sql) ?? database.prepare(sql);
  statements.set(sql, statement);
  return statement;
}

/** What `edit` makes of the labels that it changes. Throws as `validateLabels` does. */
function* edits(
  database: DatabaseSync,
  {
    digests,
    key,
    edit,
  }: { readonly digests: readonly Digest[]; readonly key: string; readonly edit: (value: string) => string },
): Generator<{ readonly digest: Digest; readonly value: string }> {
  const select = database.prepare(SELECT_ONE);
  for (const digest of digests) {
    const before = String(select.get(digest, key)?.["value"] ?? "");
    const value = edit(before);
    if (value === before) continue;
    validateLabels({ [key]: value });
    yield { digest, value };
  }
}

/** What sets labels, one at a time; an empty value removes. */
function putting(
  database: DatabaseSync,
): (label: { readonly digest: Digest; readonly key: string; readonly value: string }) => void {
  const [remove, set] = [database.prepare(DELETE), database.prepare(UPSERT)];
  return ({ digest, key, value }) => {
    if (value === "") remove.run(digest, key);
    else set.run(digest, key, value);
  };
}
