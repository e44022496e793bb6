import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  ftruncateSync,
  futimesSync,
  openSync,
  writeSync,
} from "node:fs";
import { closeQuietly } from "../../disk/close-quietly.ts";
import type { SparseRun } from "../../tar/sparse-map.ts";
import type { TarEntry } from "../../tar/tar-entry.ts";
import { fileTimeOf } from "./file-times.ts";

const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** Bits that no file gets when it is made. */
const SPECIAL_BITS = 0o7000;

/** A regular file on its way to the disk. Its methods throw what the file calls throw. */
export class FileWriter {
  readonly #fd: number;
  readonly #entry: TarEntry;
  readonly #umask: number;
  readonly #gaps: SparseCursor | undefined;
  #isClosed = false;

  /**
   * @param path of the new file; there must be nothing yet
   * @param umask of the process: what of the mode has to be set afterwards
   */
  constructor(path: string | Buffer, entry: TarEntry, umask: number) {
    this.#fd = openSync(path, CREATE, entry.mode & 0o777);
    this.#entry = entry;
    this.#umask = umask;
    this.#gaps = entry.sparse === undefined ? undefined : new SparseCursor(entry.sparse);
  }

  /** Writes the next bytes of the content. */
  write(piece: Buffer): void {
    if (this.#gaps === undefined) this.#writeAt(piece, null);
    else for (const { bytes, offset } of this.#gaps.place(piece)) this.#writeAt(bytes, offset);
  }

  /** The content is complete: sets owner, mode and time, in this order, and closes the file. */
  finish({ givesOwner }: { readonly givesOwner: boolean }): void {
    const { mode, uid, gid, mtime, sparse, fileSize } = this.#entry;
    if (sparse !== undefined) ftruncateSync(this.#fd, fileSize);
    if (givesOwner) fchownSync(this.#fd, uid, gid);
    if ((mode & (SPECIAL_BITS | this.#umask)) !== 0) fchmodSync(this.#fd, mode); // a new owner clears set-user-ID
    const time = fileTimeOf(mtime);
    futimesSync(this.#fd, time, time);
    this.#isClosed = true;
    closeSync(this.#fd); // some file systems tell only here that they could not write
  }

  /** Closes the file as it is, unless it is closed. */
  close(): void {
    if (!this.#isClosed) closeQuietly(this.#fd);
    this.#isClosed = true;
  }

  #writeAt(bytes: Buffer, offset: number | null): void {
    for (let at = 0; at < bytes.byteLength; ) {
      at += writeSync(this.#fd, bytes, at, bytes.byteLength - at, offset === null ? null : offset + at);
    }
  }
}

/** Says of the content of a sparse file where in the file it belongs. */
class SparseCursor {
  readonly #runs: readonly SparseRun[];
  #run = 0;
  /** Bytes of the current run that were placed. */
  #done = 0;

  constructor(runs: readonly SparseRun[]) {
    this.#runs = runs;
  }

  *place(piece: Buffer): Generator<{ readonly bytes: Buffer; readonly offset: number }> {
    for (let at = 0; at < piece.byteLength; ) {
      const run = this.#runs[this.#run];
      if (run === undefined) return; // the map was compared with the size of the content: there is no such piece
      const bytes = piece.subarray(at, at + run.length - this.#done);
      yield { bytes, offset: run.offset + this.#done };
      at += bytes.byteLength;
      this.#done += bytes.byteLength;
      if (this.#done < run.length) return;
      this.#run++;
      this.#done = 0;
    }
  }
}
