import { randomFillSync } from "node:crypto";
import { lstat, rm, stat, statfs, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isResourceExhausted } from "../errors/predicates.ts";
import { makeLockDirectory } from "./make-directory.ts";

/** Bytes held back at least: what a small list of names and SQLite's side files need, several times. */
const MIN_RESERVE_BYTES = 128 * 1024;

/**
 * Files held back: what a first removal makes that frees anything (directories, locks, a list of names, SQLite's side files),
 * twice. What is removed makes room for the rest.
 */
const SPARE_FILES = 32;

/** Bytes held back beyond what is wanted, so that the file is not written anew for each name that is added. */
const SLACK_BYTES = 64 * 1024;

/** A reserve is made only where so many times its size is free: a tiny disk is not ours to fill. */
const MIN_FREE_FACTOR = 8;

/**
 * What is free on a disk, in bytes and in files; any number of files where the file system does not count them. Rejects with
 * what `statfs` rejects with.
 */
export async function freeOn(
  path: string,
): Promise<{ readonly freeBytes: number; readonly freeFiles: number }> {
  const { bavail, bsize, files, ffree } = await statfs(path);
  return { freeBytes: bavail * bsize, freeFiles: files === 0 ? Infinity : ffree };
}

/**
 * Space held back so that a full disk can be emptied: removing a name writes a file before anything is freed.
 * A file of noise, which no file system can store in less, is given up for the time of the removal; and so are links to nothing,
 * each of which takes the place of a file, because some file systems have room for so many files and no more.
 */
export class DiskReserve {
  readonly #directory: string;
  readonly #noise: string;
  readonly #lastFile: string;

  constructor(directory: string) {
    this.#directory = directory;
    this.#noise = join(directory, "noise");
    this.#lastFile = join(directory, String(SPARE_FILES - 1));
  }

  /**
   * Holds back what rewriting a file of `bytes` takes, if there is enough free. What cannot be held back is
   * no error.
   */
  async hold(bytes: number): Promise<void> {
    const wanted = MIN_RESERVE_BYTES + bytes;
    try {
      const [isLarge, hasFiles] = [(await this.#size()) >= wanted, await isThere(this.#lastFile)];
      if (isLarge && hasFiles) return;
      const parent = dirname(this.#directory);
      await makeLockDirectory(parent);
      const { freeBytes, freeFiles } = await freeOn(parent);
      await this.#makeDirectory();
      const countsFiles = freeFiles < Infinity;
      if (!hasFiles && countsFiles && freeFiles >= SPARE_FILES * MIN_FREE_FACTOR) await this.#holdFiles();
      if (isLarge || freeBytes < wanted * MIN_FREE_FACTOR) return;
      const size = wanted + Math.max(bytes, SLACK_BYTES);
      await writeFile(this.#noise, randomFillSync(Buffer.allocUnsafe(size)));
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
      const { freeBytes, freeFiles } = await freeOn(dirname(this.#directory));
      return freeBytes < MIN_RESERVE_BYTES || freeFiles < SPARE_FILES;
    } catch {
      return false;
    }
  }

  /** A root of before may have a file in its place. */
  async #makeDirectory(): Promise<void> {
    if ((await stat(this.#directory).catch(() => undefined))?.isFile()) await rm(this.#directory);
    await makeLockDirectory(this.#directory);
  }

  /**
   * One after another: ext4 looks for a place for half a millisecond while many files have just been deleted, which neither this
   * thread nor more than one of the pool has to wait for. A link is made by one call.
   */
  async #holdFiles(): Promise<void> {
    for (let number = 0; number < SPARE_FILES; number++) {
      await symlink("nothing", join(this.#directory, String(number))).catch(unlessThere);
    }
  }

  /** Returns whether there was anything to give up. */
  async #giveUp(): Promise<boolean> {
    if (!(await isThere(this.#directory))) return false;
    await rm(this.#directory, { force: true, recursive: true }).catch(() => {}); // the work itself says what is wrong
    return true;
  }

  async #size(): Promise<number> {
    return await stat(this.#noise).then(
      ({ size }) => size,
      () => 0,
    );
  }
}

async function isThere(path: string): Promise<boolean> {
  return await lstat(path).then(
    () => true,
    () => false,
  );
}

/** Of those that were given up, or that a process before was killed at, some may be there. */
function unlessThere(error: NodeJS.ErrnoException): void {
  if (error.code !== "EEXIST") throw error;
}
