import { ftruncateSync } from "node:fs";
import { diskError } from "../../disk/disk-error.ts";
import type { ByteRange } from "../byte-ranges.ts";
import type { DataFile } from "./data-file.ts";
import { endOf, type HeldOnDisk, readHeld, recordSynced, removeParts } from "./parts-file.ts";

/**
 * What an ingest holds. Bytes that nobody vouches for, which a killed process or a dead thread has left, are cut off: the file has a hole
 * only where it is written down. Throws the classes of `diskError`, and the file system's own errors.
 */
export function cutUnknown(path: string, file: DataFile): HeldOnDisk {
  const { size } = file.stat();
  const known = readHeld(path, () => size);
  if (endOf(known.held) < size) ftruncateSync(file.fd, endOf(known.held));
  return known;
}

/** What an ingest holds behind its contiguous start, as its writer knows it. All methods throw the classes of `diskError`. */
export class IngestParts {
  readonly #path: string;
  readonly #file: DataFile;
  #known: HeldOnDisk;

  /** @param path directory of the ingest */
  constructor({ path, file, held }: { path: string; file: DataFile; held: HeldOnDisk }) {
    this.#path = path;
    this.#file = file;
    this.#known = held;
  }

  /** In order, with a hole before each. */
  get list(): readonly ByteRange[] {
    return this.#known.held.parts;
  }

  /** Looks at the disk again, when others have had the file. Returns the bytes that there are without a hole. */
  reread(): number {
    try {
      this.#known = cutUnknown(this.#path, this.#file);
    } catch (cause) {
      throw diskError("read ingest", this.#path, cause);
    }
    return this.#known.held.offset;
  }

  /** Drops them: the file ends at `offset`. */
  drop(offset: number): void {
    if (!this.#known.isWrittenDown) return;
    try {
      ftruncateSync(this.#file.fd, offset);
    } catch (cause) {
      throw diskError("truncate ingest", this.#path, cause);
    }
    removeParts(this.#path);
    this.#known = { held: { offset, parts: [] }, isWrittenDown: false };
  }

  /** Writes them down for longer than the machine runs, when the data has been synced. */
  async keep(): Promise<void> {
    const { held, isWrittenDown } = this.#known;
    if (!isWrittenDown) return;
    if (held.parts.length > 0) await recordSynced(this.#path, held);
    else removeParts(this.#path);
  }
}
