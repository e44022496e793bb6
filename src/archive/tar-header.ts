/** Size of a tar record: headers and padding come in these (POSIX pax, "ustar Interchange Format"). */
export const RECORD_BYTES = 512;

/** The fields of a header that matter to a reader: where they begin, and their length in bytes. */
const NAME = [0, 100] as const;
const SIZE = [124, 12] as const;
const CHECKSUM = [148, 8] as const;
const TYPE = 156;
const LINK_NAME = [157, 100] as const;
const MAGIC = [257, 6] as const;
const PREFIX = [345, 155] as const;

/** Whether records of an old GNU sparse file's map follow the header, and whether more follow such a record. */
const SPARSE_HEADER_GOES_ON = 482;
const SPARSE_RECORD_GOES_ON = 504;

/** Types that have no content, whatever size their header tells (as Go's archive/tar reads them): links, devices, directories. */
const WITHOUT_CONTENT = "123456";

/** One header as it stands in the archive. */
export interface TarHeader {
  readonly name: string;
  /** Bytes of content behind the header, before padding. */
  readonly size: number;
  /** The type flag: one character, `"0"` for a regular file. */
  readonly type: string;
  /** Where a link leads; empty for all others. */
  readonly linkName: string;
  /** Whether more records of a sparse file's map come before its content. */
  readonly hasSparseRecords: boolean;
}

/**
 * Reads a header of any format: v7, which has no magic, ustar, GNU and pax, whose headers look like ustar's. Throws a plain
 * error that says what is wrong with it.
 */
export function parseTarHeader(record: Uint8Array): TarHeader {
  if (!hasGoodChecksum(record)) throw new Error("a header has a wrong checksum");
  const type = typeOf(record);
  const prefix = latin1(record, MAGIC) === "ustar\0" ? textField(record, PREFIX) : "";
  const name = textField(record, NAME);
  return {
    name: prefix === "" ? name : `${prefix}/${name}`,
    size: WITHOUT_CONTENT.includes(type) ? 0 : numberField(record, SIZE),
    type,
    linkName: textField(record, LINK_NAME),
    hasSparseRecords: type === "S" && record[SPARSE_HEADER_GOES_ON] !== 0,
  };
}

/** Whether another record of a sparse file's map follows this one. */
export function sparseRecordGoesOn(record: Uint8Array): boolean {
  return record[SPARSE_RECORD_GOES_ON] !== 0;
}

/** Whether the record holds nothing but zeros: two of these end an archive. */
export function isZeroRecord(record: Uint8Array): boolean {
  return record.every((byte) => byte === 0);
}

/** Text up to the first zero byte, which may be missing. */
export function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return Buffer.from(end === -1 ? bytes : bytes.subarray(0, end)).toString("utf8");
}

type Field = readonly [start: number, length: number];

/** Archives from before ustar have a zero byte for regular files, and directories are files whose name ends in a slash. */
function typeOf(record: Uint8Array): string {
  const type = String.fromCharCode(record[TYPE] ?? 0);
  const isFile = type === "\0" || type === "0";
  if (!isFile) return type;
  return textField(record, NAME).endsWith("/") ? "5" : "0";
}

/** Some old archivers added the bytes up as signed ones, so either sum is good. */
function hasGoodChecksum(record: Uint8Array): boolean {
  const [start, length] = CHECKSUM;
  let [unsigned, signed] = [0, 0];
  for (let at = 0; at < RECORD_BYTES; at++) {
    const byte = at >= start && at < start + length ? 0x20 : (record[at] ?? 0);
    unsigned += byte;
    signed += byte < 0x80 ? byte : byte - 0x100;
  }
  const sum = numberField(record, CHECKSUM);
  return sum === unsigned || sum === signed;
}

/** Octal digits with spaces and zero bytes around them; or, with the highest bit set, a number of base 256 (GNU). */
function numberField(record: Uint8Array, field: Field): number {
  const [start, length] = field;
  const bytes = record.subarray(start, start + length);
  const first = bytes[0] ?? 0;
  const value = first >= 0x80 ? base256(bytes) : octal(latin1(record, field));
  if (Number.isSafeInteger(value)) return value;
  throw new Error("a header has a number that is malformed or too large");
}

function octal(text: string): number {
  const digits = text.replace(/^[ \0]+|[ \0]+$/g, "");
  if (digits === "") return 0;
  return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number.NaN;
}

/** Negative numbers, whose second bit is set, mean nothing here. */
function base256(bytes: Uint8Array): number {
  const [first = 0, ...rest] = bytes;
  if ((first & 0x40) !== 0) return Number.NaN;
  return rest.reduce((value, byte) => value * 0x100 + byte, first & 0x3f);
}

function textField(record: Uint8Array, [start, length]: Field): string {
  return textOf(record.subarray(start, start + length));
}

function latin1(record: Uint8Array, [start, length]: Field): string {
  return Buffer.from(record.subarray(start, start + length)).toString("latin1");
}
