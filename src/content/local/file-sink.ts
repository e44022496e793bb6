import { writeSync } from "node:fs";
import type { Digester } from "../../digest/digest.ts";
import { diskError } from "../../disk/disk-error.ts";
import type { WriteTimes } from "../store.ts";
import { timed } from "../write-clock.ts";

/** What a `FileSink` writes to. */
export interface FileSinkParts {
  /** Open for writing; stays the caller's to close. */
  readonly fd: number;
  /** The ingest, for errors. */
  readonly path: string;
  /** Bytes that are in the file already. */
  readonly offset: number;
  /** Has been fed what the file holds; `undefined` when nobody needs to know the digest yet. */
  readonly digester: Digester | undefined;
  /** See `WriterOptions.times`. */
  readonly times?: WriteTimes | undefined;
}

/**
 * Appends to the data file of an ingest and hashes what it appends, in whichever thread the bytes come. All is done at once: for
 * pieces up to 256 KiB a call costs less than handing the bytes to another thread.
 */
export class FileSink {
  readonly #parts: FileSinkParts;
  #offset: number;

  constructor(parts: FileSinkParts) {
    this.#parts = parts;
    this.#offset = parts.offset;
  }

  /** Bytes in the file. */
  get offset(): number {
    return this.#offset;
  }

  /**
   * Appends. Throws the classes of `diskError` (`ErrResourceExhausted` on a full disk); what was written before stays counted and
   * hashed.
   */
  write(bytes: Uint8Array): void {
    const { fd, digester, path, times } = this.#parts;
    let rest = bytes;
    try {
      while (rest.byteLength > 0) {
        // A nearly full disk takes a part and fails the next call.
        const [piece, offset] = [rest, this.#offset];
        const count = timed(times, "writeMs", () => writeSync(fd, piece, 0, piece.byteLength, offset));
        if (digester) timed(times, "hashMs", () => digester.update(piece.subarray(0, count)));
        this.#offset += count;
        rest = rest.subarray(count);
      }
    } catch (cause) {
      throw diskError("write ingest", path, cause);
    }
  }
}
