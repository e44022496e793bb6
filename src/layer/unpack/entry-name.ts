import { diskError } from "../../disk/disk-error.ts";
import { ErrDataLoss, ErrInvalidArgument, ErrResourceExhausted } from "../../errors/classes.ts";
import { type DrayageError, isDrayageError } from "../../errors/drayage-error.ts";
import { plainText } from "../../errors/plain-text.ts";
import { type ByteString, textOf } from "../../tar/byte-string.ts";
import type { TarEntry } from "../../tar/tar-entry.ts";
import { TarFault } from "../../tar/tar-fault.ts";

/** Longest path of an entry, in bytes: Linux's own `PATH_MAX`, so that every file can be reached from the layer's root. */
const MAX_PATH_BYTES = 4_095;

/** Longest name in a directory, in bytes: Linux's own `NAME_MAX`. */
const MAX_NAME_BYTES = 255;

/** How much of a name a message shows, in characters. */
const MAX_SHOWN_CHARS = 256;

/**
 * The path of an entry below the layer's root, in one spelling: `./a//b/`, `/a/b` and `a/c/../b` are `a/b`, and the root is "".
 * Throws `ErrInvalidArgument` for one that leads out or has too long a name in it, and `ErrResourceExhausted` for one that is too long
 * as a whole.
 *
 * @param entry name of the entry that `name` is the target of, for messages; default the entry of that name
 */
export function pathOfEntry(name: ByteString, entry = name): ByteString {
  if (name.length > MAX_PATH_BYTES) {
    throw tooMuch(entry, `a path of ${name.length} bytes, wanted at most ${MAX_PATH_BYTES}`);
  }
  const parts: ByteString[] = [];
  for (const part of name.split("/")) {
    if (part === "" || part === ".") continue;
    if (part.length > MAX_NAME_BYTES)
      throw refused(entry, `a name of ${part.length} bytes, wanted at most ${MAX_NAME_BYTES}`);
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined)
      throw refused(entry, `its ${entry === name ? "path" : "target"} leads out of the layer`);
  }
  return parts.join("/");
}

/** Checks the text of a symbolic link, which may lead anywhere. Throws `ErrInvalidArgument`. */
export function checkLinkText({ name, linkName }: Pick<TarEntry, "name" | "linkName">): void {
  if (linkName === "") throw refused(name, "a symbolic link without a target");
  if (linkName.length > MAX_PATH_BYTES) {
    throw refused(name, `a symbolic link of ${linkName.length} bytes, wanted at most ${MAX_PATH_BYTES}`);
  }
}

/** The error of an entry that no layer may have. */
export function refused(name: ByteString, reason: string): ErrInvalidArgument {
  return new ErrInvalidArgument(`unpack layer: entry "${shownName(name)}": ${reason}`);
}

/** The error of an entry that goes beyond a limit. */
export function tooMuch(name: ByteString, reason: string): ErrResourceExhausted {
  return new ErrResourceExhausted(`unpack layer: entry "${shownName(name)}": ${reason}`, {
    retryable: false,
  });
}

const FAULTS = {
  damaged: ErrDataLoss,
  malformed: ErrInvalidArgument,
  "too large": ErrResourceExhausted,
};

/**
 * Works at an archive. Throws what is wrong with the archive or the disk in words that name the last entry that began.
 *
 * @param action what the disk refused: `unpack entry`
 */
export function atEntry<T>(action: string, last: () => ByteString, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw errorAtEntry(action, last(), cause);
  }
}

/** What `atEntry` throws for what went wrong. */
export function errorAtEntry(action: string, last: ByteString, cause: unknown): DrayageError {
  if (isDrayageError(cause)) return cause;
  return cause instanceof TarFault ? archiveError(last, cause) : diskError(action, shownName(last), cause);
}

/** The error of an archive that cannot be read on behind the entry of this name. */
function archiveError(last: ByteString, fault: TarFault): DrayageError {
  const where = last === "" ? "at its beginning" : `behind entry "${shownName(last)}"`;
  const message = `unpack layer: its archive, ${where}: ${fault.message}`;
  return new FAULTS[fault.kind](message, { cause: fault, retryable: false });
}

/** A name as a message may show it. */
export function shownName(name: ByteString): string {
  return plainText(textOf(name), MAX_SHOWN_CHARS);
}
