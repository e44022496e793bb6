import { dirname, join } from "node:path";
import { type AbortOptions, throwIfAborted } from "../async/abort.ts";
import type { Release } from "../async/keyed-lock.ts";
import { lockFile, tryLockFile } from "../disk/file-lock.ts";
import { makeDirectory } from "../disk/make-directory.ts";

/**
 * Keeps content from being removed while pulls build on it. Pulls of all processes share the lease; a removal needs it
 * alone, and goes without removing when it cannot have it. A killed process loses its share at once.
 */
export class RootLease {
  readonly #path: string;
  #holders = 0;
  #shared: Promise<Release> | undefined;

  constructor(root: string) {
    this.#path = join(root, "locks", "in-use");
  }

  /** Runs `work` while nothing can be removed. One lock on disk serves all calls of this process. */
  async share<T>(work: () => Promise<T>, { signal }: AbortOptions = {}): Promise<T> {
    this.#holders++;
    this.#shared ??= this.#lockShared();
    const shared = this.#shared;
    try {
      await shared;
      throwIfAborted(signal);
      return await work();
    } finally {
      this.#holders--;
      if (this.#holders === 0) await this.#letGo(shared);
    }
  }

  /** Runs `work` with nobody else in the data root; returns `undefined` at once when somebody is. */
  async alone<T>(work: () => Promise<T>): Promise<T | undefined> {
    if (this.#holders > 0) return undefined;
    await makeDirectory(dirname(this.#path));
    const release = tryLockFile(this.#path, "exclusive");
    if (!release) return undefined;
    try {
      return await work();
    } finally {
      release();
    }
  }

  async #lockShared(): Promise<Release> {
    await makeDirectory(dirname(this.#path));
    return await lockFile(this.#path, { mode: "shared" });
  }

  async #letGo(shared: Promise<Release>): Promise<void> {
    this.#shared = undefined;
    const release = await shared.catch(() => undefined); // whoever waited for it has seen the failure
    release?.();
  }
}
