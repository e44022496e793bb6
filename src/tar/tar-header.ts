import { type ByteString, byteStringOf } from "./byte-string.ts";
import { TarFault } from "./tar-fault.ts";
import { parseTarNumber } from "./tar-number.ts";

/** Size of a tar record: headers and padding come in these (POSIX pax, "ustar Interchange Format"). */
export const RECORD_BYTES = 512;

/** The fields of a header that matter to a reader: where they begin, and their length in bytes. */
const NAME = [0, 100] as const;
const MODE = [100, 8] as const;
const UID = [108, 8] as const;
const GID = [116, 8] as const;
const SIZE = [124, 12] as const;
const MTIME = [136, 12] as const;
const CHECKSUM = [148, 8] as const;
const TYPE = 156;
const LINK_NAME = [157, 100] as const;
const MAGIC = [257, 6] as const;
const DEVICE_MAJOR = [329, 8] as const;
const DEVICE_MINOR = [337, 8] as const;
const PREFIX = [345, 155] as const;
/** star has times behind a shorter prefix, and says at the very end that it is star. */
const STAR_PREFIX = [345, 131] as const;
const STAR_TRAILER = [508, 4] as const;
/** Size of the file that an old GNU sparse entry stands for. */
const REAL_SIZE = [483, 12] as const;

/** Types that have no content, whatever size their header tells (as Go's archive/tar reads them): links, devices, directories. */
const WITHOUT_CONTENT = "123456";

/** One header as it stands in the archive. */
export interface TarHeader {
  readonly name: ByteString;
  /** Bytes of content behind the header, before padding. */
  readonly size: number;
  /** The type flag: one character, a zero byte for the regular files of before ustar. */
  readonly type: string;
  /** Where a link leads; empty for all others. */
  readonly linkName: ByteString;
  /** Permissions with the bits for set-user-ID, set-group-ID and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since the epoch, negative before it. */
  readonly mtime: number;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  /** Bytes of the file that an old GNU sparse entry (`S`) stands for; 0 for all others. */
  readonly realSize: number;
}

/**
 * Reads a header of any format: v7, which has no magic, ustar, GNU and pax, whose headers look like ustar's. Throws `TarFault`
 * that says what is wrong with it.
 */
export function parseTarHeader(record: Buffer): TarHeader {
  if (!hasGoodChecksum(record)) throw new TarFault("damaged", "a header has a wrong checksum");
  const type = record.toString("latin1", TYPE, TYPE + 1);
  const isDevice = type === "3" || type === "4";
  return {
    name: nameOf(record),
    size: WITHOUT_CONTENT.includes(type) ? 0 : sizeField(record, SIZE),
    type,
    linkName: textField(record, LINK_NAME),
    mode: numberField(record, MODE),
    uid: numberField(record, UID),
    gid: numberField(record, GID),
    mtime: numberField(record, MTIME),
    deviceMajor: isDevice ? numberField(record, DEVICE_MAJOR) : 0,
    deviceMinor: isDevice ? numberField(record, DEVICE_MINOR) : 0,
    realSize: type === "S" ? sizeField(record, REAL_SIZE) : 0,
  };
}

/** Whether the record holds nothing but zeros: two of these end an archive. */
export function isZeroRecord(record: Uint8Array): boolean {
  return record.every((byte) => byte === 0);
}

/** Bytes behind a content of `size` bytes that fill up its last record. */
export function paddingOf(size: number): number {
  return (RECORD_BYTES - (size % RECORD_BYTES)) % RECORD_BYTES;
}

type Field = readonly [start: number, length: number];

function nameOf(record: Buffer): ByteString {
  const name = textField(record, NAME);
  if (latin1(record, MAGIC) !== "ustar\0") return name;
  const prefix = textField(record, latin1(record, STAR_TRAILER) === "tar\0" ? STAR_PREFIX : PREFIX);
  return prefix === "" ? name : `${prefix}/${name}`;
}

/** Some old archivers added the bytes up as signed ones, so either sum is good. */
function hasGoodChecksum(record: Uint8Array): boolean {
  const [start, length] = CHECKSUM;
  let [unsigned, negative] = [0, 0];
  for (let at = 0; at < RECORD_BYTES; at++) {
    const byte = record[at] ?? 0;
    unsigned += byte;
    negative += byte >> 7;
  }
  for (let at = start; at < start + length; at++) {
    const byte = record[at] ?? 0;
    unsigned += 0x20 - byte;
    negative -= byte >> 7;
  }
  const sum = parseTarNumber(record, start, length);
  return sum === unsigned || sum === unsigned - negative * 0x100;
}

function sizeField(record: Buffer, field: Field): number {
  const size = numberField(record, field);
  if (size >= 0) return size;
  throw new TarFault("malformed", "a header has a negative size");
}

function numberField(record: Buffer, [start, length]: Field): number {
  const value = parseTarNumber(record, start, length);
  if (!Number.isNaN(value)) return value;
  throw new TarFault("malformed", "a header has a number that is malformed or too large");
}

function textField(record: Buffer, [start, length]: Field): ByteString {
  return byteStringOf(record, start, start + length);
}

function latin1(record: Buffer, [start, length]: Field): string {
  return record.toString("latin1", start, start + length);
}
