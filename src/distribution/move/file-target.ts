import { constants, ftruncateSync } from "node:fs";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import type { AbortOptions } from "../../async/abort.ts";
import type { Release } from "../../async/keyed-lock.ts";
import { nowNs } from "../../async/wall-clock.ts";
import { FileSink } from "../../content/local/file-sink.ts";
import { hashFile } from "../../content/local/hash-file.ts";
import type { CommitOptions, Info, Status, Writer, WriterOptions } from "../../content/store.ts";
import { algorithmOf, type Digest, Digester, shortId } from "../../digest/digest.ts";
import { diskError } from "../../disk/disk-error.ts";
import { tryLockFile } from "../../disk/file-lock.ts";
import { openRegularFile } from "../../disk/open-regular-file.ts";
import { pathBeside } from "../../disk/temporary-files.ts";
import { syncDirectory } from "../../disk/write-file-atomic.ts";
import {
  ErrAlreadyExists,
  ErrFailedPrecondition,
  ErrInvalidArgument,
  ErrNotFound,
  ErrUnavailable,
} from "../../errors/classes.ts";
import { isNotFound } from "../../errors/predicates.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { FetchTarget } from "../../remotes/fetch.ts";

/** How a partial file is opened: never through a link that somebody else may have put in its place. */
const PARTIAL_FLAGS = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Permissions of a new file, less the process's umask. */
const FILE_MODE = 0o644;

/** What the name of a partial file's lock ends with. */
const LOCK = ".lock";

/** Where what has come of a content is until it may be put in the place of `path`, with room for its lock's name. */
function partialPath(path: string, digest: Digest): string {
  return pathBeside(path, `.${shortId(digest)}.partial${LOCK}`).slice(0, -LOCK.length);
}

/** A file of the caller's that one content is to be, as a target of fetches. What has come of it is beside it until it is all there. */
export class FileTarget implements FetchTarget {
  readonly #blob: Pick<Descriptor, "digest" | "size">;
  readonly #path: string;
  readonly #partial: string;

  constructor(blob: Pick<Descriptor, "digest" | "size">, path: string) {
    this.#blob = blob;
    this.#path = path;
    this.#partial = partialPath(path, blob.digest);
  }

  async info(digest: Digest): Promise<Info> {
    throw new ErrNotFound(`content ${digest}: not found`, { digest });
  }

  async abort(): Promise<void> {
    await rm(this.#partial, { force: true });
  }

  /**
   * Opens the partial file where it stands. Throws `ErrAlreadyExists` when the file is what it is to be, `ErrUnavailable` while
   * somebody else writes it, `ErrInvalidArgument` for what is no regular file, and the classes of `diskError`.
   */
  async writer({ ref, signal }: WriterOptions): Promise<Writer> {
    const { digest, size } = this.#blob;
    const release = tryLockFile(`${this.#partial}${LOCK}`, "exclusive", { removeOnRelease: true });
    if (!release) throw new ErrUnavailable(`write "${this.#path}": locked by another writer`, { digest });
    try {
      if (await this.#isWhole({ signal })) {
        throw new ErrAlreadyExists(`write "${this.#path}": it has the content`, { digest });
      }
      const partial = await PartialFile.open(this.#partial, { digest, signal });
      return partial.writer({ ref, size, path: this.#path, release });
    } catch (error) {
      release();
      throw error;
    }
  }

  async #isWhole({ signal }: AbortOptions): Promise<boolean> {
    const { digest, size } = this.#blob;
    try {
      const file = await openRegularFile("write file", this.#path);
      await using handle = file.handle;
      const digester = new Digester(algorithmOf(digest));
      return (
        file.size === size &&
        (await hashFile(handle, digester, { length: size, signal })) === size &&
        digester.digest() === digest
      );
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  }
}

/**
 * The size of a partial file, in bytes. What goes by its name may be somebody else's: a pipe, or another name of a file that must not
 * change. Throws `ErrInvalidArgument` for that.
 */
async function sizeOfOwn(file: FileHandle, path: string): Promise<number> {
  const found = await file.stat();
  if (found.isFile() && found.nlink === 1) return found.size;
  throw new ErrInvalidArgument(
    `write "${path}": got something else there, wanted a file that has no other name`,
  );
}

/** Where the content of a partial file belongs. */
interface Destination {
  readonly ref: string;
  /** Size that it is to have, in bytes. */
  readonly size: number;
  readonly path: string;
  /** Lets others write it. */
  readonly release: Release;
}

/** A file that a content grows in, open. */
class PartialFile {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #digester: Digester;
  readonly #startedAtNs = nowNs();
  #sink: FileSink;
  #isClosed = false;

  private constructor(path: string, file: FileHandle, parts: { digester: Digester; offset: number }) {
    this.#path = path;
    this.#file = file;
    this.#digester = parts.digester;
    this.#sink = this.#sinkFrom(parts.offset);
  }

  static async open(
    path: string,
    { digest, signal }: AbortOptions & { readonly digest: Digest },
  ): Promise<PartialFile> {
    const digester = new Digester(algorithmOf(digest));
    try {
      const file = await open(path, PARTIAL_FLAGS, FILE_MODE);
      try {
        const length = await sizeOfOwn(file, path);
        const offset = await hashFile(file, digester, { length, signal });
        return new PartialFile(path, file, { digester, offset });
      } catch (error) {
        await file.close();
        throw error;
      }
    } catch (cause) {
      throw diskError("write file", path, cause);
    }
  }

  writer(destination: Destination): Writer {
    const { ref, size, release } = destination;
    const close = async (): Promise<void> => {
      if (this.#isClosed) return;
      this.#isClosed = true;
      await this.#file.close();
      release();
    };
    const status = (): Status => {
      const startedAtNs = this.#startedAtNs;
      return { ref, offset: this.#sink.offset, total: size, startedAtNs, updatedAtNs: startedAtNs };
    };
    return {
      write: (bytes) => this.#sink.write(bytes),
      digest: () => this.#digester.digest(),
      status: async () => status(),
      truncate: async () => this.#empty(),
      commit: async (options) => {
        try {
          return await this.#commit(destination, options);
        } finally {
          await close();
        }
      },
      close,
      [Symbol.asyncDispose]: close,
    };
  }

  #sinkFrom(offset: number): FileSink {
    return new FileSink({ fd: this.#file.fd, path: this.#path, offset, digester: this.#digester });
  }

  #empty(): void {
    try {
      ftruncateSync(this.#file.fd, 0);
    } catch (cause) {
      throw diskError("write file", this.#path, cause);
    }
    this.#digester.reset();
    this.#sink = this.#sinkFrom(0);
  }

  async #commit({ path }: Destination, { size, expected }: CommitOptions = {}): Promise<Digest> {
    const got = this.#digester.digest();
    const { offset } = this.#sink;
    if (offset !== size || got !== expected) {
      throw new ErrFailedPrecondition(`write "${path}": got ${offset} bytes of ${got}, wanted ${expected}`);
    }
    try {
      await this.#file.sync();
      await rename(this.#path, path);
      await syncDirectory(dirname(path));
      return got;
    } catch (cause) {
      throw diskError("write file", path, cause);
    }
  }
}
