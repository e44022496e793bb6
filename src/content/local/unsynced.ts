import { existsSync, writeFileSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { diskError } from "../../disk/disk-error.ts";
import { syncDirectory } from "../../disk/write-file-atomic.ts";

/** Bytes copied at once. */
const PIECE_BYTES = 1_048_576;

/** An empty file in an ingest whose data could not be synced. */
const MARKER = "unsynced";

/**
 * The ingests whose data the disk refused to take. After a failed fsync Linux counts the same pages as written, so that the
 * next fsync of the file succeeds without a write. What the pages hold is still right: copied to a new file, it is written
 * again, and that file's fsync tells the truth. The mark lies beside the data for other processes, and in memory for a disk
 * that does not take the mark either.
 */
export class Unsynced {
  readonly #paths = new Set<string>();

  /** Marks the ingest at `path`: its data file must not be committed as it is. Never throws. */
  mark(path: string): void {
    this.#paths.add(path);
    try {
      writeFileSync(join(path, MARKER), "");
    } catch {
      // The disk is in trouble, or the ingest is gone; this process knows it anyway.
    }
  }

  /** Writes the data of a marked ingest to a new file and syncs that. Throws the classes of `diskError`; the mark stays then. */
  async rewrite(path: string): Promise<void> {
    const marker = join(path, MARKER);
    if (!this.#paths.has(path) && !existsSync(marker)) return;
    const [data, copy] = [join(path, "data"), join(path, "data.rewritten")];
    try {
      await copySynced(data, copy);
      await rename(copy, data);
      await syncDirectory(path);
      await rm(marker, { force: true });
    } catch (cause) {
      throw diskError("rewrite ingest", path, cause);
    }
    this.#paths.delete(path);
  }

  /** Forgets the mark of an ingest that was begun anew, or is gone. */
  forget(path: string): void {
    this.#paths.delete(path);
  }
}

async function copySynced(from: string, to: string): Promise<void> {
  await rm(to, { force: true });
  await using source = await open(from, "r");
  await using target = await open(to, "wx");
  const buffer = Buffer.allocUnsafeSlow(PIECE_BYTES);
  for (let offset = 0; ; ) {
    const { bytesRead } = await source.read(buffer, 0, PIECE_BYTES, offset);
    if (bytesRead === 0) break;
    await target.writeFile(buffer.subarray(0, bytesRead));
    offset += bytesRead;
  }
  await target.sync();
}
