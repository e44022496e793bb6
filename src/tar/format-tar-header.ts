import type { ByteString } from "./byte-string.ts";
import { paddingOf, RECORD_BYTES } from "./tar-header.ts";

/** Bytes that a name may have in a header. */
export const MAX_NAME_BYTES = 100;

/** What a header is written from. */
export interface HeaderFields {
  /** Longer ones are cut: an extension in front of the header has to tell them. */
  readonly name: ByteString;
  /** Type flag, one character. */
  readonly type: string;
  readonly mode: number;
  /** Bytes of content. */
  readonly size?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** Whole seconds since the epoch. */
  readonly mtime?: number;
  readonly linkName?: ByteString;
  readonly deviceMajor?: number;
  readonly deviceMinor?: number;
}

/** A header of ustar; numbers that octal digits have no room for are written in base 256, as GNU tar does. */
export function formatTarHeader(fields: HeaderFields): Buffer {
  const record = Buffer.alloc(RECORD_BYTES);
  record.write(fields.name.slice(0, MAX_NAME_BYTES), 0, "latin1");
  writeNumber(record, { at: 100, bytes: 8, value: fields.mode });
  writeNumber(record, { at: 108, bytes: 8, value: fields.uid ?? 0 });
  writeNumber(record, { at: 116, bytes: 8, value: fields.gid ?? 0 });
  writeNumber(record, { at: 124, bytes: 12, value: fields.size ?? 0 });
  writeNumber(record, { at: 136, bytes: 12, value: fields.mtime ?? 0 });
  record.write(" ".repeat(8), 148); // the checksum counts itself as spaces
  record.write(fields.type, 156, "latin1");
  record.write((fields.linkName ?? "").slice(0, MAX_NAME_BYTES), 157, "latin1");
  record.write("ustar\x0000", 257);
  if (fields.deviceMajor !== undefined) writeNumber(record, { at: 329, bytes: 8, value: fields.deviceMajor });
  if (fields.deviceMinor !== undefined) writeNumber(record, { at: 337, bytes: 8, value: fields.deviceMinor });
  const checksum = record.reduce((sum, byte) => sum + byte, 0);
  record.write(`${octal(checksum, 6)}\0 `, 148);
  return record;
}

/** A record of a pax header, `<length> <key>=<value>\n`, where the length counts its own digits. */
export function paxRecord(key: ByteString, value: ByteString): ByteString {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length;
  while (String(length).length + rest.length !== length) length++;
  return `${length}${rest}`;
}

/** Zeros that fill up the last record of a content of `size` bytes. */
export function paddingFor(size: number): Buffer {
  return Buffer.alloc(paddingOf(size));
}

function writeNumber(record: Buffer, field: { at: number; bytes: number; value: number }): void {
  const { at, bytes, value } = field;
  if (value >= 0 && value < 8 ** (bytes - 1)) {
    record.write(`${octal(value, bytes - 1)}\0`, at);
    return;
  }
  let rest = BigInt(value);
  for (let byte = at + bytes - 1; byte > at; byte--, rest >>= 8n) record[byte] = Number(rest & 0xffn);
  record[at] = value < 0 ? 0xff : 0x80;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}
