import { fstatSync, openSync, read } from "node:fs";
import { promisify } from "node:util";
import { closeQuietly } from "../../disk/close-quietly.ts";
import { syncFile } from "../../disk/sync-file.ts";
import type { HashedFile } from "./hash-file.ts";

const readAt = promisify(read);

/**
 * The data file of an ingest, open for reading and writing. Whoever opens it closes it. All methods throw the file system's own
 * errors. What is short is done at once, because handing it to another thread costs more.
 */
export class DataFile implements HashedFile {
  readonly fd: number;
  readonly #path: string;

  /** @param flags `wx+` makes the file, `r+` opens one that is there */
  constructor(path: string, flags: "wx+" | "r+") {
    this.fd = openSync(path, flags);
    this.#path = path;
  }

  /** What it is, permissions, and size in bytes. */
  stat(): { readonly ino: number; readonly mode: number; readonly size: number } {
    return fstatSync(this.fd);
  }

  read(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesRead: number }> {
    return readAt(this.fd, buffer, offset, length, position);
  }

  /** Makes what was written durable. */
  async sync(): Promise<void> {
    await syncFile(this.fd, this.#path); // the ref's lock is held: it is the same file
  }

  /** Never throws: what `sync` has said is all that there is to know. */
  close(): void {
    closeQuietly(this.fd);
  }
}
