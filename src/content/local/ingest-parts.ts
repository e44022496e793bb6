import { ftruncateSync } from "node:fs";
import { diskError } from "../../disk/disk-error.ts";
import type { ByteRange } from "../byte-ranges.ts";
import type { DataFile } from "./data-file.ts";
import { type HeldOnDisk, readHeld, recordSynced, removeParts } from "./parts-file.ts";

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

  /** Looks at the disk again. Returns the bytes that there are without a hole. */
  reread(): number {
    try {
      this.#known = readHeld(this.#path, this.#file.stat().size);
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
    const held = { offset, parts: [] };
    this.#known = { held, synced: held, isWrittenDown: false };
  }

  /** Writes them down for longer than the machine runs, when the data has been synced. */
  async keep(): Promise<void> {
    const { held, isWrittenDown } = this.#known;
    if (!isWrittenDown) return;
    if (held.parts.length > 0) await recordSynced(this.#path, held);
    else removeParts(this.#path);
  }
}
