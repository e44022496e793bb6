import { createReadStream } from "node:fs";
import { type AbortOptions, throwIfAborted } from "../../async/abort.ts";
import { diskError, isMissingFile } from "../../disk/disk-error.ts";
import { ErrInvalidArgument } from "../../errors/classes.ts";

/** Largest file of another tool that is read, in bytes: real ones have a few KiB. */
const MAX_TEXT_BYTES = 1024 * 1024;

/**
 * The text of a file, `undefined` when there is none. A pipe is read as well: shells give one for a file that a command
 * writes. Throws `ErrInvalidArgument` for more than 1 MiB, the classes of `diskError`, and `ErrCanceled` by the signal.
 * @param action for messages: `Read docker config`
 */
export async function readText(
  action: string,
  path: string,
  { signal }: AbortOptions = {},
): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  try {
    // `end` is inclusive: one byte more than allowed is enough to know.
    const stream = createReadStream(path, { end: MAX_TEXT_BYTES, ...(signal ? { signal } : {}) });
    for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
  } catch (cause) {
    throwIfAborted(signal);
    if (isMissingFile(cause)) return undefined;
    throw diskError(action, path, cause);
  }
  const bytes = Buffer.concat(chunks);
  if (bytes.length <= MAX_TEXT_BYTES) return bytes.toString();
  throw new ErrInvalidArgument(`${action} "${path}": got more than ${MAX_TEXT_BYTES} bytes`);
}
