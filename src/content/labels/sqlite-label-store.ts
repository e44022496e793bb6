import type { Digest } from "../../digest/digest.ts";
import type { LabelStore, Labels } from "./label-store.ts";
import { MetadataDatabase } from "./metadata-database.ts";

const SELECT = "SELECT key, value FROM labels WHERE digest = ? ORDER BY key";
const DELETE_ALL = "DELETE FROM labels WHERE digest = ?";
const DELETE = "DELETE FROM labels WHERE digest = ? AND key = ?";
const UPSERT = "INSERT OR REPLACE INTO labels (digest, key, value) VALUES (?, ?, ?)";

/** Labels in the SQLite database at a path; what is thrown is `MetadataDatabase`'s. */
export class SqliteLabelStore implements LabelStore {
  readonly #database: MetadataDatabase;

  constructor(path: string) {
    this.#database = new MetadataDatabase(path, "checkpoint");
  }

  get(digest: Digest): Promise<Labels> {
    return this.#database.read("read labels", {}, (database) => {
      const rows = database.prepare(SELECT).all(digest);
      return Object.fromEntries(rows.map(({ key, value }) => [String(key), String(value)]));
    });
  }

  async set(digest: Digest, labels: Labels): Promise<void> {
    const entries = Object.entries(labels).filter(([, value]) => value !== "");
    if (entries.length === 0 && !this.#database.exists()) return;
    await this.#database.write("write labels", (database) => {
      database.prepare(DELETE_ALL).run(digest);
      for (const [key, value] of entries) database.prepare(UPSERT).run(digest, key, value);
    });
  }

  merge(digest: Digest, labels: Labels): Promise<void> {
    return this.#database.write("write labels", (database) => {
      for (const [key, value] of Object.entries(labels)) {
        if (value === "") database.prepare(DELETE).run(digest, key);
        else database.prepare(UPSERT).run(digest, key, value);
      }
    });
  }

  /** Closes the database. Everything but another `close` then throws `ErrFailedPrecondition`. */
  close(): void {
    this.#database.close();
  }
}
