import { createReadStream } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { diskError } from "../disk/disk-error.ts";

/** Bytes read at once: enough to hide the cost of a call, little beside what a process has anyway. */
const READ_BYTES = 256 * 1024;

/** The bytes of a file, each chunk a fresh one. Throws the classes of `diskError`. */
export async function* readFileChunks(path: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(path, { highWaterMark: READ_BYTES });
  } catch (cause) {
    throw diskError("read file", path, cause);
  }
}

/**
 * The bytes of a file that is open, from its start, each chunk a fresh one. `path` is for errors. Throws the classes
 * of `diskError`.
 */
export async function* readHandleChunks(file: FileHandle, path: string): AsyncGenerator<Uint8Array> {
  try {
    for (let offset = 0; ; ) {
      const buffer = Buffer.allocUnsafe(READ_BYTES);
      const { bytesRead } = await file.read(buffer, 0, READ_BYTES, offset);
      if (bytesRead === 0) return;
      offset += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } catch (cause) {
    throw diskError("read file", path, cause);
  }
}
