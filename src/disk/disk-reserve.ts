import { randomFillSync } from "node:crypto";
import { rm, stat, statfs, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { isResourceExhausted } from "../errors/predicates.ts";
import { makeLockDirectory } from "./make-directory.ts";

/** Bytes held back at least: what a small list of names and SQLite's side files need, several times. */
const MIN_RESERVE_BYTES = 128 * 1024;

/** A reserve is made only where so many times its size is free: a tiny disk is not ours to fill. */
const MIN_FREE_FACTOR = 8;

/**
 * Space held back so that a full disk can be emptied: removing a name writes a file before anything is freed.
 * A file of noise, which no file system can store in less, is given up for the time of the removal.
 */
export class DiskReserve {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Holds back what rewriting a file of `bytes` takes, if there is enough free. What cannot be held back is
   * no error.
   */
  async hold(bytes: number): Promise<void> {
    const wanted = MIN_RESERVE_BYTES + bytes;
    try {
      if ((await this.#size()) >= wanted) return;
      await makeLockDirectory(dirname(this.#path));
      const { bavail, bsize } = await statfs(dirname(this.#path));
      if (bavail * bsize < wanted * MIN_FREE_FACTOR) return;
      await writeFile(this.#path, randomFillSync(Buffer.allocUnsafe(wanted + bytes)));
    } catch {
      // Without a reserve everything works, until the disk is full.
    }
  }

  /** Runs `work`; when it finds the disk full, or the disk nearly is, with the reserve given up. */
  async spend<T>(work: () => Promise<T>): Promise<T> {
    if (await this.#isShort()) await this.#giveUp();
    try {
      return await work();
    } catch (error) {
      if (!isResourceExhausted(error) || !(await this.#giveUp())) throw error;
      return await work();
    }
  }

  async #isShort(): Promise<boolean> {
    try {
      const { bavail, bsize } = await statfs(dirname(this.#path));
      return bavail * bsize < MIN_RESERVE_BYTES;
    } catch {
      return false;
    }
  }

  /** Returns whether there was anything to give up. */
  async #giveUp(): Promise<boolean> {
    if ((await this.#size()) === 0) return false;
    await rm(this.#path, { force: true }).catch(() => {}); // the work itself says what is wrong with the disk
    return true;
  }

  async #size(): Promise<number> {
    return await stat(this.#path).then(
      ({ size }) => size,
      () => 0,
    );
  }
}
