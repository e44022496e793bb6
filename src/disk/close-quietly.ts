import { closeSync } from "node:fs";

/**
 * Closes a file whatever closing it says: of one that was only read, that is given up, or whose bytes are synced, that tells nothing.
 * The descriptor is closed in any case, as Linux has it.
 */
export function closeQuietly(fd: number): void {
  try {
    closeSync(fd);
  } catch {
    // Its number may be another file's by now: it must not be closed again.
  }
}
