import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { diskError } from "../../disk/disk-error.ts";
import { readFull } from "../../disk/read-full.ts";
import { ErrFailedPrecondition, ErrInvalidArgument } from "../../errors/classes.ts";
import { codeOf } from "../../errors/code-of.ts";
import type { ReaderAt } from "../store.ts";

/** Random access to a file. */
class FileReaderAt implements ReaderAt {
  readonly size: number;
  readonly path: string;
  readonly #file: FileHandle;
  #closed: Promise<void> | undefined;

  constructor(path: string, file: FileHandle, size: number) {
    this.path = path;
    this.#file = file;
    this.size = size;
  }

  async readAt(buffer: Uint8Array, offset: number): Promise<number> {
    if (this.#closed) throw new ErrFailedPrecondition(`cannot read "${this.path}": reader is closed`);
    if (!Number.isSafeInteger(offset) || offset < 0) {
      throw new ErrInvalidArgument(`cannot read "${this.path}": got offset ${offset}, want 0 or more`);
    }
    try {
      return await readFull(this.#file, buffer, offset);
    } catch (cause) {
      throw diskError("read", this.path, cause);
    }
  }

  async close(): Promise<void> {
    this.#closed ??= this.#file.close();
    await this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Opens a file for random access; the caller closes it. Throws the file system's own error. */
export async function openFileReaderAt(path: string): Promise<ReaderAt> {
  const file = await openUnstamped(path);
  try {
    const { size } = await file.stat();
    return new FileReaderAt(path, file, size);
  } catch (error) {
    await file.close();
    throw error;
  }
}

/**
 * A blob's access time says when its labels changed, so reading should leave it alone. Only the owner may ask for that,
 * and only Linux knows it.
 */
async function openUnstamped(path: string): Promise<FileHandle> {
  const { O_NOATIME, O_NONBLOCK, O_RDONLY } = constants;
  const reading = O_RDONLY | O_NONBLOCK; // a pipe in the place of a blob must not hold the caller
  if (O_NOATIME === undefined) return open(path, reading);
  try {
    return await open(path, reading | O_NOATIME);
  } catch (error) {
    if (codeOf(error) !== "EPERM") throw error;
    return open(path, reading);
  }
}
