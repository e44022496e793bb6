import { type FSWatcher, realpathSync, watch } from "node:fs";
import { basename, dirname } from "node:path";
import { fileIdentity } from "./file-lock.ts";
import { statIfThere } from "./stat-if-there.ts";

/** How often a file is looked at that cannot be watched, in milliseconds: as often as a person looks at a list. */
const POLL_MS = 1_000;

/** Whom a watch tells. Neither may throw. */
export interface FileWatchListeners {
  /** The file may be another one, or gone: once for each change, and sometimes for none. */
  readonly onChange: () => void;
  /** It cannot be watched, and is looked at from time to time instead. */
  readonly onFailure: (error: unknown) => void;
}

/**
 * Watches a file that others replace by renaming: its folder, and that of the file behind it where it is a symbolic link. Keeps no process
 * alive. The caller closes it.
 */
export class FileWatch {
  readonly #path: string;
  readonly #listeners: FileWatchListeners;
  readonly #watchers: FSWatcher[] = [];
  #poll: NodeJS.Timeout | undefined;

  constructor(path: string, listeners: FileWatchListeners) {
    this.#path = path;
    this.#listeners = listeners;
    try {
      for (const place of new Set([path, realpathSync(path)])) this.#watch(place);
    } catch (error) {
      this.#fallBack(error);
    }
  }

  close(): void {
    for (const watcher of this.#watchers.splice(0)) watcher.close();
    clearInterval(this.#poll);
  }

  #watch(place: string): void {
    const name = basename(place);
    const watcher = watch(dirname(place), { persistent: false }, (_, changed) => {
      if (changed === null || changed === name) this.#listeners.onChange();
    });
    this.#watchers.push(watcher);
    watcher.on("error", (error) => this.#fallBack(error));
  }

  /** No watch is to be had: there are too many, or the file system has none. */
  #fallBack(error: unknown): void {
    this.close();
    this.#listeners.onFailure(error);
    let before = this.#state();
    this.#poll = setInterval(() => {
      const now = this.#state();
      if (now !== before) this.#listeners.onChange();
      before = now;
    }, POLL_MS).unref();
  }

  #state(): string {
    try {
      const found = statIfThere(this.#path);
      return `${fileIdentity(this.#path)} ${found?.size} ${found?.mtimeNs}`;
    } catch {
      return ""; // what cannot be looked at is looked at again
    }
  }
}
