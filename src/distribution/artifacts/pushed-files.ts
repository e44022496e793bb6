import type { BigIntStats } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import type { AbortOptions } from "../../async/abort.ts";
import { nowNs } from "../../async/wall-clock.ts";
import { hashFile } from "../../content/local/hash-file.ts";
import type { BlobReference, Info, InfoProvider, Provider, ReaderAt } from "../../content/store.ts";
import { CANONICAL_ALGORITHM, type Digest, Digester } from "../../digest/digest.ts";
import { diskError } from "../../disk/disk-error.ts";
import { openRegularFile } from "../../disk/open-regular-file.ts";
import { readFull } from "../../disk/read-full.ts";
import { ErrFailedPrecondition, ErrNotFound } from "../../errors/classes.ts";

const ACTION = "push artifact";

/** A file as it was when it was hashed. */
interface HashedFile {
  readonly path: string;
  readonly size: number;
  readonly state: FileState;
}

/** By which a file is told from what it was, or from another one that took its place. */
type FileState = Pick<BigIntStats, "dev" | "ino" | "size" | "mtimeNs">;

/** Files of somebody else's as content: hashed once, and read where they are as long as they stay what they were. */
export class PushedFiles implements Provider, InfoProvider {
  readonly #files = new Map<Digest, HashedFile>();

  /**
   * Reads a file through and takes it in. Throws `ErrInvalidArgument` for what is no regular file, `ErrFailedPrecondition` for one that
   * changes meanwhile, and the classes of `diskError`.
   */
  async add(path: string, { signal }: AbortOptions): Promise<Pick<HashedFile, "size"> & { digest: Digest }> {
    await using file = await OpenedFile.open(path);
    const { state } = file;
    const digester = new Digester(CANONICAL_ALGORITHM);
    const size = await file.hash(digester, { signal });
    const digest = digester.digest();
    this.#files.set(digest, { path, size, state });
    return { digest, size };
  }

  async info(digest: Digest): Promise<Info> {
    const now = nowNs();
    const { size } = this.#fileOf(digest);
    return { digest, size, createdAtNs: now, updatedAtNs: now, labels: {} };
  }

  /** Throws `ErrFailedPrecondition` for a file that is another one now; so does each read. */
  async readerAt({ digest }: BlobReference): Promise<ReaderAt> {
    const { path, size, state } = this.#fileOf(digest);
    const file = await OpenedFile.open(path, state);
    return {
      size,
      readAt: (buffer, offset) => file.readAt(buffer, offset),
      close: () => file.close(),
      [Symbol.asyncDispose]: () => file.close(),
    };
  }

  #fileOf(digest: Digest): HashedFile {
    const file = this.#files.get(digest);
    if (file) return file;
    throw new ErrNotFound(`content ${digest}: not found`, { digest });
  }
}

/** A file that must stay as it is while it is open. */
class OpenedFile implements AsyncDisposable {
  readonly state: FileState;
  readonly #path: string;
  readonly #file: FileHandle;
  #closed: Promise<void> | undefined;

  private constructor(path: string, file: FileHandle, state: FileState) {
    this.#path = path;
    this.#file = file;
    this.state = state;
  }

  /** @param before what it was; default: what it is now */
  static async open(path: string, before?: FileState): Promise<OpenedFile> {
    const { handle } = await openRegularFile(ACTION, path);
    try {
      const now = await handle.stat({ bigint: true });
      const file = new OpenedFile(path, handle, before ?? now);
      file.#check(now);
      return file;
    } catch (cause) {
      await handle.close();
      throw diskError(ACTION, path, cause);
    }
  }

  async hash(digester: Digester, options: AbortOptions): Promise<number> {
    return await this.#unchanged(async () => {
      const wanted = Number(this.state.size);
      const size = await hashFile(this.#file, digester, { ...options, length: wanted + 1 }); // more would be a change
      if (size !== wanted) throw changed(this.#path);
      return size;
    });
  }

  async readAt(buffer: Uint8Array, offset: number): Promise<number> {
    return await this.#unchanged(() => readFull(this.#file, buffer, offset));
  }

  async close(): Promise<void> {
    this.#closed ??= this.#file.close();
    await this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #unchanged<T>(read: () => Promise<T>): Promise<T> {
    try {
      const result = await read();
      this.#check(await this.#file.stat({ bigint: true }));
      return result;
    } catch (cause) {
      throw diskError(ACTION, this.#path, cause);
    }
  }

  #check({ dev, ino, size, mtimeNs }: FileState): void {
    const { state } = this;
    const isSame = dev === state.dev && ino === state.ino && size === state.size && mtimeNs === state.mtimeNs;
    if (!isSame) throw changed(this.#path);
  }
}

function changed(path: string): ErrFailedPrecondition {
  return new ErrFailedPrecondition(
    `${ACTION} "${path}": it changed while it was read, wanted a file at rest`,
  );
}
