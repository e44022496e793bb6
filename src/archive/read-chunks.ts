import { createReadStream } from "node:fs";
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
