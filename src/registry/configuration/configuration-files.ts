import { stat } from "node:fs/promises";
import { BoundedMap } from "../../async/bounded-map.ts";
import { diskError, isMissingFile } from "../../disk/disk-error.ts";
import { namesIn } from "../../disk/names-in.ts";
import { openRegularFile } from "../../disk/open-regular-file.ts";
import { ErrInvalidArgument } from "../../errors/classes.ts";

/** Largest file that is read, in bytes: one with a thousand registries has a tenth of it, a bundle of authorities a quarter. */
export const MAX_CONFIGURATION_BYTES = 1024 * 1024;

/** Files whose content is kept: those of a hundred registries with certificates of their own. */
const MAX_KEPT_FILES = 256;

/** Files that are taken out of one directory; more of them are somebody's mistake. */
const MAX_DIRECTORY_FILES = 256;

/** What a file says, and how to tell that it is still the same file. */
interface Reading {
  readonly stamp: string;
  readonly value: unknown;
}

/** Makes something of a file's text. Throws for a text that it does not understand. */
export type ParseFile<T> = (text: string, path: string) => T | Promise<T>;

/**
 * Files that other tools are configured by. Each is looked at whenever it is asked for, and read again only when it has changed,
 * so that nobody has to be started anew. Only regular files of at most `MAX_CONFIGURATION_BYTES` are read. There is nothing to
 * close.
 */
export class ConfigurationFiles {
  readonly #readings = new BoundedMap<string, Reading>(MAX_KEPT_FILES);

  /**
   * What `parse` makes of the file; `undefined` when there is none. One file is always asked for with the same `parse`. Throws
   * what that throws, `ErrInvalidArgument` for a file that is too large or not a regular one, and the classes of `diskError`.
   */
  async read<T extends object | string>(path: string, parse: ParseFile<T>): Promise<T | undefined> {
    const stamp = await stampOf(path);
    if (stamp === undefined) return undefined;
    const known = this.#readings.get(path);
    if (known?.stamp === stamp) return known.value as T;
    const value = await parse(await readText(path), path);
    this.#readings.set(path, { stamp, value });
    return value;
  }

  /** Whether there is a directory at `path`. Throws the classes of `diskError`. */
  async isDirectory(path: string): Promise<boolean> {
    try {
      return (await stat(path)).isDirectory();
    } catch (cause) {
      if (isMissingFile(cause)) return false;
      throw diskError("look for directory", path, cause);
    }
  }

  /** The names in a directory, sorted; none where there is no directory. Throws `ErrInvalidArgument` when there are too many. */
  async names(directory: string): Promise<readonly string[]> {
    const names = await namesIn(directory);
    if (names.length <= MAX_DIRECTORY_FILES) return names.toSorted();
    throw new ErrInvalidArgument(
      `read directory "${directory}": ${names.length} files, wanted at most ${MAX_DIRECTORY_FILES}`,
    );
  }
}

/** Differs whenever the file does; `undefined` where there is no file. */
async function stampOf(path: string): Promise<string | undefined> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join(" ");
  } catch (cause) {
    if (isMissingFile(cause)) return undefined;
    throw diskError("read", path, cause);
  }
}

async function readText(path: string): Promise<string> {
  const { handle, size } = await openRegularFile("read", path);
  await using file = handle;
  // One byte more than the size tells a file that grows meanwhile, up to where it is too large.
  const bytes = Buffer.alloc(Math.min(size, MAX_CONFIGURATION_BYTES) + 1);
  let length = 0;
  for (;;) {
    const { bytesRead } = await file.read(bytes, length, bytes.length - length, length);
    length += bytesRead;
    if (bytesRead === 0 || length === bytes.length) break;
  }
  if (length <= MAX_CONFIGURATION_BYTES && length < bytes.length)
    return decode(bytes.subarray(0, length), path);
  const problem =
    length > MAX_CONFIGURATION_BYTES ? `more than ${MAX_CONFIGURATION_BYTES} bytes` : "it grows";
  throw new ErrInvalidArgument(`read "${path}": ${problem}`);
}

function decode(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new ErrInvalidArgument(`read "${path}": not UTF-8`, { cause });
  }
}
