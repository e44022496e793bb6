import { FileWatch } from "../disk/watch-file.ts";
import type { IndexChanges } from "./index-changes.ts";

/** Changes that come so close together, in milliseconds, are looked at once: an import names images one after the other. */
const CLOSE_TOGETHER_MS = 25;

/** Whom a watch of an index tells what goes wrong with it; the watch goes on. Must not throw. */
export type OnWatchFailure = (error: unknown, message: string) => void;

/** Has an index looked at whenever its file may have changed, until it is closed. */
export class IndexWatch {
  readonly #changes: IndexChanges;
  readonly #onFailure: OnWatchFailure;
  readonly #file: FileWatch;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #isClosed = false;

  private constructor(path: string, changes: IndexChanges, onFailure: OnWatchFailure) {
    this.#changes = changes;
    this.#onFailure = onFailure;
    this.#file = new FileWatch(path, {
      onChange: () => this.#lookSoon(),
      onFailure: (error) => onFailure(error, "the names cannot be watched, and are looked at each second"),
    });
  }

  /** Begins to watch; what changes from now on is seen. The caller closes it. Throws as `readIndexFile` does. */
  static async start(path: string, changes: IndexChanges, onFailure: OnWatchFailure): Promise<IndexWatch> {
    const watch = new IndexWatch(path, changes, onFailure);
    try {
      await changes.look();
      return watch;
    } catch (error) {
      await watch.close();
      throw error;
    }
  }

  /** Resolves when nothing is looked at any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#file.close();
    clearTimeout(this.#timer);
    await this.#looking;
  }

  #lookSoon(): void {
    if (this.#isClosed || this.#timer) return;
    this.#timer = setTimeout(() => void this.#look(), CLOSE_TOGETHER_MS).unref();
  }

  async #look(): Promise<void> {
    this.#timer = undefined; // what changes while it is read is looked at again
    const before = this.#looking;
    this.#looking = (async () => {
      await before;
      if (this.#isClosed) return;
      // An index that is away for a moment is looked at when it is back.
      await this.#changes
        .look()
        .catch((error: unknown) => this.#onFailure(error, "the names cannot be read"));
    })();
    await this.#looking;
  }
}
