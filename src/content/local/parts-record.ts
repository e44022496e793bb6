import type { DataFile } from "./data-file.ts";
import { type Held, type HeldOnDisk, recordHeld, recordSynced } from "./parts-file.ts";

/** Bytes that a killed process may lose at least; what is there is written down anew when so many have come. */
const MIN_UNRECORDED_BYTES = 1_048_576;

/** The same as a part of all that is there: a large blob need not be written down a thousand times. */
const UNRECORDED_PART = 1 / 256;

/** No more than this of any: at a gigabyte per second it is written down a hundred times, which takes a hundredth of that second. */
const MAX_UNRECORDED_BYTES = 8 * 1024 * 1024;

/**
 * Bytes that a power cut may cost: when so many have come the file is synced, as it has to be in the end anyway. Less would make a fast
 * disk wait for its own journal.
 */
const UNSYNCED_BYTES = 256 * 1024 * 1024;

/** How often it is written down what there is. */
export interface RecordIntervals {
  /** Default: `MIN_UNRECORDED_BYTES`. */
  readonly unrecordedBytes?: number | undefined;
  /** Default: `UNSYNCED_BYTES`. */
  readonly unsyncedBytes?: number | undefined;
}

/** What a record is about. */
interface RecordedFile {
  /** Directory of the ingest. */
  readonly path: string;
  readonly file: DataFile;
  readonly known: HeldOnDisk;
}

/** Writes down from time to time what there is of a file that has holes. */
export class PartsRecord {
  readonly #path: string;
  readonly #file: DataFile;
  readonly #unrecordedBytes: number;
  readonly #unsyncedBytes: number;
  #hasBegun: boolean;
  #unrecorded = 0;
  #unsynced = 0;
  #syncing: Promise<void> | undefined;

  constructor({ path, file, known }: RecordedFile, intervals: RecordIntervals) {
    this.#path = path;
    this.#file = file;
    this.#unrecordedBytes = intervals.unrecordedBytes ?? MIN_UNRECORDED_BYTES;
    this.#unsyncedBytes = intervals.unsyncedBytes ?? UNSYNCED_BYTES;
    this.#hasBegun = known.isWrittenDown;
  }

  /** Called before the first hole is made: whoever finds the file from now on knows that there may be some. Throws as `recordHeld`. */
  begin(held: Held): void {
    if (this.#hasBegun) return;
    recordHeld(this.#path, held);
    this.#hasBegun = true;
    if (held.offset >= this.#unsyncedBytes) this.#sync(held); // its size alone has told of them until now
  }

  /** Called when `count` bytes more have been written, and there are `bytes` now. Throws as `recordHeld`. */
  wrote(count: number, bytes: number, held: () => Held): void {
    this.#unrecorded += count;
    this.#unsynced += count;
    if (!this.#hasBegun) return; // there is no hole: the size of the file tells it all
    const part = Math.min(bytes * UNRECORDED_PART, MAX_UNRECORDED_BYTES);
    if (this.#unrecorded >= Math.max(this.#unrecordedBytes, part)) this.#record(held());
    if (this.#unsynced >= this.#unsyncedBytes && !this.#syncing) this.#sync(held());
  }

  /** Called at the end. Never rejects: what was written down before is there still. */
  async end(held: Held): Promise<void> {
    await this.#syncing;
    try {
      if (this.#hasBegun) this.#record(held);
    } catch {
      // A full disk, for instance.
    }
  }

  #record(held: Held): void {
    recordHeld(this.#path, held);
    this.#unrecorded = 0;
  }

  /** A sync that fails is told once more to whoever syncs the file to commit it. */
  #sync(held: Held): void {
    this.#unsynced = 0;
    const work = async (): Promise<void> => {
      await this.#file.sync();
      await recordSynced(this.#path, held);
    };
    this.#syncing = work()
      .catch(() => {})
      .finally(() => {
        this.#syncing = undefined;
      });
  }
}
