import type { FileHandle } from "node:fs/promises";

/** Reads from `offset` on until the buffer is full or the file ends, and gives the bytes read. Throws the file system's own error. */
export async function readFull(file: FileHandle, buffer: Uint8Array, offset: number): Promise<number> {
  let filled = 0;
  while (filled < buffer.byteLength) {
    const { bytesRead } = await file.read(buffer, filled, buffer.byteLength - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}
