import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { bootId } from "../../disk/boot-id.ts";
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

/** What an ingest holds, and what of it survives a power cut as well. */
export interface HeldOnDisk {
  readonly held: Held;
  readonly synced: Held;
  /** Whether this is written down; if not, the file has no hole. */
  readonly isWrittenDown: boolean;
}

/** Of an ingest that is new. */
export const NOTHING_HELD: Held = { offset: 0, parts: [] };

/**
 * Which bytes the data file of an ingest holds, which has `size` bytes: all of them, unless a file `parts` beside it tells of holes.
 * What that says is believed as far as the data file can hold it; of one that cannot be understood nothing is. Throws the classes
 * of `diskError`.
 *
 * @param path directory of the ingest
 */
export function readHeld(path: string, size: number): HeldOnDisk {
  const text = readText(join(path, "parts"));
  if (text === undefined) {
    const held = { offset: size, parts: [] };
    return { held, synced: held, isWrittenDown: false };
  }
  const { boot, written, synced } = parse(text) ?? { boot: "", written: NOTHING_HELD, synced: NOTHING_HELD };
  const known = believed(synced, size);
  return { held: boot === bootId() ? believed(written, size) : known, synced: known, isWrittenDown: true };
}

/** Writes down what an ingest holds, for whoever opens it while the machine runs. Throws the classes of `diskError`. */
export function recordHeld(path: string, { held, synced }: Pick<HeldOnDisk, "held" | "synced">): void {
  const [target, temporary] = [join(path, "parts"), join(path, "parts.tmp")];
  try {
    writeFileSync(temporary, format(held, synced));
    renameSync(temporary, target);
  } catch (cause) {
    throw diskError("write file", target, cause);
  }
}

/** The same so that a power cut cannot take it, for data that is synced. Throws the classes of `diskError`. */
export async function recordSynced(path: string, held: Held): Promise<void> {
  await writeFileAtomic(join(path, "parts"), format(held, held));
}

/**
 * Says that the file is about to have a hole behind `held.offset`, so that no power cut can leave the hole without this. Throws the
 * classes of `diskError`.
 */
export async function beginParts(path: string, known: Pick<HeldOnDisk, "held" | "synced">): Promise<void> {
  await writeFileAtomic(join(path, "parts"), format(known.held, known.synced));
}

/**
 * For a file without holes whose data is synced, or that is begun anew: until then a power cut could leave holes that nobody knows of.
 * Throws the classes of `diskError`.
 */
export function removeParts(path: string): void {
  const target = join(path, "parts");
  try {
    rmSync(target, { force: true, recursive: true });
  } catch (cause) {
    throw diskError("remove file", target, cause);
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
    if (fd !== undefined) closeSync(fd);
  }
}

type Numbers = { readonly offset: number; readonly parts: ReadonlyArray<readonly [number, number]> };

function format(written: Held, synced: Held): string {
  return JSON.stringify({ boot: bootId(), written: toNumbers(written), synced: toNumbers(synced) });
}

function toNumbers({ offset, parts }: Held): Numbers {
  return { offset, parts: parts.slice(0, MAX_PARTS).map(({ from, to }) => [from, to] as const) };
}

function parse(text: string): { boot: string; written: Held; synced: Held } | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { boot, written, synced } = value as Record<string, unknown>;
  const [now, later] = [toHeld(written), toHeld(synced)];
  return typeof boot === "string" && now && later ? { boot, written: now, synced: later } : undefined;
}

function toHeld(value: unknown): Held | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { offset, parts } = value as Record<string, unknown>;
  if (!isCount(offset) || !Array.isArray(parts) || parts.length > MAX_PARTS) return undefined;
  const ranges = parts.map(toRange);
  let end = offset;
  for (const range of ranges) {
    if (!range || range.from <= end || range.to <= range.from) return undefined;
    end = range.to;
  }
  return { offset, parts: ranges as readonly ByteRange[] };
}

function toRange(value: unknown): ByteRange | undefined {
  if (!Array.isArray(value) || value.length !== 2) return undefined;
  const [from, to]: unknown[] = value;
  return isCount(from) && isCount(to) ? { from, to } : undefined;
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
