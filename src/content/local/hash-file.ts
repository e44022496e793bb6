import { type AbortOptions, throwIfAborted } from "../../async/abort.ts";
import type { Digester } from "../../digest/digest.ts";

/** Bytes read back at once: large enough for full hash speed, small enough not to hold up the event loop (below 1 ms). */
const PIECE_BYTES = 1_048_576;

/** What can be read at a position: a `FileHandle`, or a `DataFile`. */
export interface HashedFile {
  read(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesRead: number }>;
}

/** How much is read. */
export interface HashFileOptions extends AbortOptions {
  /** Most bytes. Default: all that the file has. */
  readonly length?: number | undefined;
}

/**
 * Feeds a file from its start to `digester` and returns how many bytes that were. Rejects with `ErrCanceled` when the signal fires, or
 * with the file system's own error.
 */
export async function hashFile(
  file: HashedFile,
  digester: Digester,
  { length = Number.POSITIVE_INFINITY, signal }: HashFileOptions = {},
): Promise<number> {
  const buffer = Buffer.allocUnsafeSlow(Math.min(PIECE_BYTES, length)); // thousands of small files are hashed, too
  for (let offset = 0; ; ) {
    throwIfAborted(signal);
    const wanted = Math.min(PIECE_BYTES, length - offset);
    if (wanted === 0) return offset;
    const { bytesRead } = await file.read(buffer, 0, wanted, offset);
    if (bytesRead === 0) return offset;
    digester.update(buffer.subarray(0, bytesRead));
    offset += bytesRead;
  }
}
