import { rm } from "node:fs/promises";
import { isNotFound } from "../errors/predicates.ts";
import { diskError } from "./disk-error.ts";
import { openRegularFile } from "./open-regular-file.ts";
import { statIfThere } from "./stat-if-there.ts";

/** How a hint is read. */
export interface HintOptions<T> {
  /** For messages: `read mount sources`. */
  readonly action: string;
  /** Longest file that is read, in bytes. */
  readonly maxBytes: number;
  /** Whether a JSON value is such a hint. */
  readonly isHint: (value: unknown) => value is T;
}

/**
 * What a small JSON file remembers: a hint, without which work only takes longer. `undefined` when there is no file, when it is
 * too large, and when it cannot be understood. Throws `ErrInvalidArgument` for what is no regular file, and the classes of
 * `diskError`.
 */
export async function readHint<T>(path: string, options: HintOptions<T>): Promise<T | undefined> {
  const { action, maxBytes, isHint } = options;
  try {
    if (!statIfThere(path)) return undefined; // as of most: no error is made for that
    const { handle, size } = await openRegularFile(action, path);
    await using file = handle;
    if (size > maxBytes) return undefined;
    const value = parse(await file.readFile("utf8"));
    return isHint(value) ? value : undefined;
  } catch (cause) {
    if (isNotFound(cause)) return undefined;
    throw diskError(action, path, cause);
  }
}

/** Takes a hint away, or whatever stands in its place. Throws the classes of `diskError`. */
export async function removeHint(action: string, path: string): Promise<void> {
  try {
    await rm(path, { force: true, recursive: true });
  } catch (cause) {
    throw diskError(action, path, cause);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // half a hint is none
  }
}
