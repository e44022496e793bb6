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

/**
 * Feeds a whole file to `digester` and returns its size in bytes. Rejects with `ErrCanceled` when the signal fires, or
 * with the file system's own error.
 */
export async function hashFile(
  file: HashedFile,
  digester: Digester,
  { signal }: AbortOptions = {},
): Promise<number> {
  const buffer = Buffer.allocUnsafeSlow(PIECE_BYTES);
  for (let offset = 0; ; ) {
    throwIfAborted(signal);
    const { bytesRead } = await file.read(buffer, 0, PIECE_BYTES, offset);
    if (bytesRead === 0) return offset;
    digester.update(buffer.subarray(0, bytesRead));
    offset += bytesRead;
  }
}
