import { TarFault } from "./tar-fault.ts";
import { RECORD_BYTES } from "./tar-header.ts";
import { parseTarNumber } from "./tar-number.ts";

/** A run of a sparse file's bytes that are in the archive; everything between the runs is zeros. */
export interface SparseRun {
  /** Where in the file the run begins, in bytes. */
  readonly offset: number;
  /** Bytes of it. */
  readonly length: number;
}

/** Where the map of an old GNU sparse file is: in its header, and in the records that follow. */
const HEADER_MAP = { at: 386, runs: 4, goesOn: 482 } as const;
const RECORD_MAP = { at: 0, runs: 21, goesOn: 504 } as const;

/** Bytes of a number in such a map; a run is two of them. */
const NUMBER_BYTES = 12;

/** Largest map, in bytes as the archive has it: the bound of everything that describes an entry. */
const MAX_MAP_BYTES = 1024 * 1024;

/** What one record told of a map. */
export interface SparseRecord {
  readonly runs: readonly SparseRun[];
  /** Whether another record of the map follows. */
  readonly goesOn: boolean;
}

/** The part of an old GNU sparse file's map that is in its header. Throws `TarFault`. */
export function sparseRunsOfHeader(record: Buffer): SparseRecord {
  return readRecord(record, HEADER_MAP);
}

/** The part of an old GNU sparse file's map that is in a record behind the header. Throws `TarFault`. */
export function sparseRunsOfRecord(record: Buffer): SparseRecord {
  return readRecord(record, RECORD_MAP);
}

function readRecord(
  record: Buffer,
  { at, runs, goesOn }: typeof HEADER_MAP | typeof RECORD_MAP,
): SparseRecord {
  const found: SparseRun[] = [];
  for (let run = 0; run < runs; run++) {
    const start = at + run * 2 * NUMBER_BYTES;
    if (record[start] === 0) break;
    const offset = parseTarNumber(record, start, NUMBER_BYTES);
    found.push({ offset, length: parseTarNumber(record, start + NUMBER_BYTES, NUMBER_BYTES) });
  }
  return { runs: found, goesOn: record[goesOn] !== 0 };
}

/** The map of GNU's formats 0.0 and 0.1: offsets and lengths in turns, between commas. Throws `TarFault`. */
export function sparseRunsOfText(map: string): SparseRun[] {
  const numbers = map === "" ? [] : map.split(",").map(decimal);
  if (numbers.length % 2 !== 0) throw malformedMap();
  return pairs(numbers);
}

/**
 * The map of GNU's format 1.0, which stands before the content: a count, and an offset and a length for each run, every number on
 * a line of its own, filled up to whole records.
 */
export class SparseMapText {
  #text = "";
  #records = 0;
  #lines = 0;
  #count: number | undefined;

  /** Takes the next record; returns the runs once the map is whole. Throws `TarFault`. */
  take(record: Buffer): SparseRun[] | undefined {
    this.#records++;
    if (this.#records * RECORD_BYTES > MAX_MAP_BYTES) throw mapTooLarge();
    this.#text += record.toString("latin1", 0, RECORD_BYTES);
    this.#lines += linesIn(record);
    if (this.#lines === 0) return undefined;
    this.#count ??= decimal(this.#text.slice(0, this.#text.indexOf("\n")));
    if (this.#lines < 1 + this.#count * 2) return undefined;
    return pairs(
      this.#text
        .split("\n", 1 + this.#count * 2)
        .slice(1)
        .map(decimal),
    );
  }
}

function linesIn(record: Buffer): number {
  let lines = 0;
  for (const byte of record) if (byte === 0x0a) lines++;
  return lines;
}

/** Bounds a map that comes record by record. Throws `TarFault` for one of more runs than any may have. */
export function checkMapLength(runs: number): void {
  if (runs * 2 * NUMBER_BYTES > MAX_MAP_BYTES) throw mapTooLarge();
}

/**
 * Runs have to be in order, apart from each other and inside the file, and the content has to be all of them. Throws `TarFault`.
 *
 * @param content bytes that the archive has
 * @param size bytes of the file
 */
export function checkSparseRuns(
  runs: readonly SparseRun[],
  { content, size }: { content: number; size: number },
): void {
  let [end, total] = [0, 0];
  for (const { offset, length } of runs) {
    const isInOrder = offset >= end && length >= 0 && offset + length <= size;
    if (!isInOrder) throw malformedMap(); // also what is no number at all
    end = offset + length;
    total += length;
  }
  if (total !== content) throw malformedMap();
}

function pairs(numbers: readonly number[]): SparseRun[] {
  const runs: SparseRun[] = [];
  for (let at = 0; at < numbers.length; at += 2) {
    runs.push({ offset: numbers[at] ?? Number.NaN, length: numbers[at + 1] ?? Number.NaN });
  }
  return runs;
}

function decimal(digits: string): number {
  const value = /^\d{1,16}$/.test(digits) ? Number(digits) : Number.NaN;
  if (Number.isSafeInteger(value)) return value;
  throw malformedMap();
}

function malformedMap(): TarFault {
  return new TarFault("malformed", "the map of a sparse file is malformed");
}

function mapTooLarge(): TarFault {
  return new TarFault(
    "too large",
    `the map of a sparse file is too large, at most ${MAX_MAP_BYTES} bytes are read`,
  );
}
