import { Rounds } from "../async/rounds.ts";
import { syncDirectory } from "./write-file-atomic.ts";

/**
 * Makes names in directories durable, for many at once: whoever comes while a directory is being synced shares the next
 * sync of it, which begins later than what they did there.
 */
export class DirectorySyncs {
  /** By directory, of which a caller has few. */
  readonly #rounds = new Map<string, Rounds<undefined, undefined>>();

  /** Resolves when all names are durable that were in the directory when it was called. Rejects with the file system's error. */
  async sync(path: string): Promise<void> {
    const rounds = this.#rounds.get(path) ?? roundsOf(path);
    this.#rounds.set(path, rounds);
    await rounds.run(undefined);
  }
}

function roundsOf(path: string): Rounds<undefined, undefined> {
  return new Rounds(async (takeUp) => {
    const calls = takeUp();
    await syncDirectory(path);
    return calls.map((value) => ({ status: "fulfilled", value }));
  });
}
