import {
  constants,
  fstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { bootId } from "../../disk/boot-id.ts";
import { closeQuietly } from "../../disk/close-quietly.ts";
import { diskError, isMissingFile } from "../../disk/disk-error.ts";
import { writeFileAtomic } from "../../disk/write-file-atomic.ts";
import type { ByteRange } from "../byte-ranges.ts";

/** Most ranges that are written down: what is behind them is forgotten with the process. Each connection leaves one, or few. */
const MAX_PARTS = 1_024;

/** Longest file that is read, in bytes: `MAX_PARTS` twice, with room. */
const MAX_PARTS_BYTES = 128 * 1024;

/** Which bytes of an ingest there are. */
export interface Held {
  /** Bytes at its start without a hole. */
  readonly offset: number;
  /** What there is behind them, in order, with a hole before each. */
  readonly parts: readonly ByteRange[];
}

/** What an ingest holds. */
export interface HeldOnDisk {
  readonly held: Held;
  /** Whether that is written down; if not, the file has no hole. */
  readonly isWrittenDown: boolean;
}

/** Of an ingest that is new. */
export const NOTHING_HELD: Held = { offset: 0, parts: [] };

/**
 * Which bytes the data file of an ingest holds: all of them, unless a file `parts` beside it tells of holes. That is believed while the
 * machine runs that wrote it; later, or where it cannot be understood, what `parts.synced` says is. None of them is believed further
 * than the data file can hold it. Throws the classes of `diskError`, and what `sizeOf` throws.
 *
 * @param path directory of the ingest
 * @param sizeOf bytes of the data file by now, to which somebody else may be writing
 */
export function readHeld(path: string, sizeOf: () => number): HeldOnDisk {
  const size = sizeOf(); // first: a file that nobody has told of holes by now had none when it was this large
  const text = readText(join(path, "parts"));
  if (text === undefined) return { held: { offset: size, parts: [] }, isWrittenDown: false };
  const written = parse(text);
  const known = written?.boot === bootId() ? written : parse(readText(join(path, "parts.synced")) ?? "");
  return { held: known ? believed(known, sizeOf()) : NOTHING_HELD, isWrittenDown: true };
}

/** Writes down what an ingest holds, for whoever opens it while the machine runs. Throws the classes of `diskError`. */
export function recordHeld(path: string, held: Held): void {
  const [target, temporary] = [join(path, "parts"), join(path, "parts.tmp")];
  try {
    writeFileSync(temporary, format(held));
    renameSync(temporary, target);
  } catch (cause) {
    if (!isWrittenOver(target, format(held))) throw diskError("write file", target, cause);
  }
}

/** A full disk has no room for another file, but for other text in one that is there: the spaces behind it are no part of it. */
function isWrittenOver(path: string, text: string): boolean {
  let fd: number | undefined;
  try {
    fd = openSync(path, constants.O_WRONLY);
    const bytes = Buffer.from(text.padEnd(fstatSync(fd).size));
    return writeSync(fd, bytes, 0, bytes.length, 0) === bytes.length;
  } catch {
    return false;
  } finally {
    if (fd !== undefined) closeQuietly(fd);
  }
}

/** Writes down what of an ingest is synced, so that no power cut takes it. Throws the classes of `diskError`. */
export async function recordSynced(path: string, held: Held): Promise<void> {
  await writeFileAtomic(join(path, "parts.synced"), format(held));
}

/**
 * For a file without holes whose data is synced, or that has been cut: before that, a power cut could leave holes that nobody knows of.
 * Throws the classes of `diskError`.
 */
export function removeParts(path: string): void {
  // In this order: what was synced is no longer, when the file has been cut and is filled anew.
  for (const target of [join(path, "parts.synced"), join(path, "parts")]) {
    try {
      rmSync(target, { force: true, recursive: true });
    } catch (cause) {
      throw diskError("remove file", target, cause);
    }
  }
}

/** Where the last of the bytes ends. */
export function endOf({ offset, parts }: Held): number {
  return parts.at(-1)?.to ?? offset;
}

/** What is there, as far as a file of `size` bytes can hold it. */
function believed(held: Held, size: number): Held {
  if (held.offset > size) return NOTHING_HELD;
  return endOf(held) > size ? { offset: held.offset, parts: [] } : held;
}

/** The text of a file; `undefined` when there is none, empty when it is nothing that is read. */
function readText(path: string): string | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK); // a named pipe would hold us for ever
    const file = fstatSync(fd);
    return file.isFile() && file.size <= MAX_PARTS_BYTES ? readFileSync(fd, "utf8") : "";
  } catch (cause) {
    if (isMissingFile(cause)) return undefined;
    throw diskError("read file", path, cause);
  } finally {
    if (fd !== undefined) closeQuietly(fd);
  }
}

function format({ offset, parts }: Held): string {
  const ranges = parts.slice(0, MAX_PARTS).map(({ from, to }) => [from, to]);
  return JSON.stringify({ boot: bootId(), offset, parts: ranges });
}

function parse(text: string): (Held & { readonly boot: unknown }) | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { boot, offset, parts } = value as Record<string, unknown>;
  if (!isCount(offset) || !Array.isArray(parts) || parts.length > MAX_PARTS) return undefined;
  const ranges = parts.map(toRange);
  let end = offset;
  for (const range of ranges) {
    if (!range || range.from <= end || range.to <= range.from) return undefined;
    end = range.to;
  }
  return { boot, offset, parts: ranges as readonly ByteRange[] };
}

function toRange(value: unknown): ByteRange | undefined {
  if (!Array.isArray(value) || value.length !== 2) return undefined;
  const [from, to]: unknown[] = value;
  return isCount(from) && isCount(to) ? { from, to } : undefined;
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
