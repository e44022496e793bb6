import { type BigIntStats, lstatSync } from "node:fs";
import { realpath } from "node:fs/promises";
import { devNull } from "node:os";
import { type AbortOptions, throwIfAborted } from "../../async/abort.ts";
import { diskError } from "../../disk/disk-error.ts";
import { openRegularFile } from "../../disk/open-regular-file.ts";
import { statIfThere } from "../../disk/stat-if-there.ts";
import { ErrInvalidArgument, ErrNotFound } from "../../errors/classes.ts";
import { readPipe } from "./read-pipe.ts";

/**
 * Largest file of another tool that is read, in bytes: a registries.conf with a thousand registries has a tenth of it, a bundle of
 * authorities a quarter.
 */
export const MAX_TEXT_BYTES = 1024 * 1024;

/** How a file of another tool is read. */
export interface ReadTextOptions extends AbortOptions {
  /** What is done, for messages. Default `read`. */
  readonly action?: string | undefined;
  /** Whether it may be a pipe, as shells give one for what a command writes. Default false. */
  readonly pipes?: boolean | undefined;
}

/**
 * The text of a file of another tool, without the mark of its byte order; `undefined` when there is none. The null device is an
 * empty file. Throws `ErrInvalidArgument` for more than `MAX_TEXT_BYTES`, for what is not UTF-8 and for what is no regular file,
 * `ErrNotFound` for a link that leads nowhere, the classes of `diskError`, and `ErrCanceled` by the signal.
 */
export async function readText(path: string, options: ReadTextOptions = {}): Promise<string | undefined> {
  const { action = "read", signal } = options;
  throwIfAborted(signal);
  try {
    const stats = statOf(path, action);
    return stats && decode(await readBytes(path, stats, options), `${action} "${path}"`);
  } catch (cause) {
    throwIfAborted(signal);
    throw diskError(action, path, cause);
  }
}

/**
 * What a file is, at once, because most are not there and are asked for often; `undefined` when there is none. Throws `ErrNotFound` for
 * a link that leads nowhere: somebody meant something to be there; and the classes of `diskError`.
 */
export function statOf(path: string, action: string): BigIntStats | undefined {
  try {
    const found = statIfThere(path);
    if (found || !lstatSync(path, { throwIfNoEntry: false })) return found;
  } catch (cause) {
    throw diskError(action, path, cause);
  }
  throw new ErrNotFound(`${action} "${path}": a link that leads nowhere`);
}

async function readBytes(path: string, stats: BigIntStats, options: ReadTextOptions): Promise<Buffer> {
  const { action = "read", pipes = false, signal } = options;
  // One byte more than allowed is enough to know.
  if (pipes && stats.isFIFO()) return await readPipe(path, { maxBytes: MAX_TEXT_BYTES + 1, signal });
  if (stats.isCharacterDevice() && (await realpath(path)) === devNull) return Buffer.alloc(0);
  const { handle, size } = await openRegularFile(action, path);
  await using file = handle;
  const bytes = Buffer.alloc(Math.min(size, MAX_TEXT_BYTES) + 1);
  let length = 0;
  for (;;) {
    const { bytesRead } = await file.read(bytes, length, bytes.length - length, length);
    length += bytesRead;
    if (bytesRead === 0 || length === bytes.length) break;
  }
  if (length === bytes.length && length <= MAX_TEXT_BYTES)
    throw new ErrInvalidArgument(`${action} "${path}": it grows`);
  return bytes.subarray(0, length);
}

function decode(bytes: Uint8Array, what: string): string {
  if (bytes.length > MAX_TEXT_BYTES)
    throw new ErrInvalidArgument(`${what}: got more than ${MAX_TEXT_BYTES} bytes`);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new ErrInvalidArgument(`${what}: not UTF-8`); // the cause has nothing more to say
  }
}
