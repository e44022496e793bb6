const [SPACE, ZERO, SEVEN] = [0x20, 0x30, 0x37];

/**
 * A number of a header: octal digits with spaces and zero bytes around them; or, with the highest bit set, a number of base 256
 * (GNU), which may be negative. `NaN` for what is neither, or is too large to be exact.
 */
export function parseTarNumber(record: Uint8Array, start: number, length: number): number {
  const value =
    (record[start] ?? 0) >= 0x80 ? parseBase256(record, start, length) : parseOctal(record, start, length);
  return Number.isSafeInteger(value) ? value : Number.NaN;
}

function parseOctal(record: Uint8Array, start: number, length: number): number {
  const end = start + length;
  let at = start;
  while (at < end && isBlank(record[at])) at++;
  let value = 0;
  for (; at < end && isOctalDigit(record[at]); at++) value = value * 8 + (record[at] ?? ZERO) - ZERO;
  while (at < end && record[at] === SPACE) at++;
  return at === end || record[at] === 0 ? value : Number.NaN; // the first zero byte ends a field, as in Go's archive/tar
}

function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte === 0;
}

function isOctalDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= SEVEN;
}

/** Two's complement behind the bit that says so. A double holds what is exact; `parseTarNumber` sorts out the rest. */
function parseBase256(record: Uint8Array, start: number, length: number): number {
  const isNegative = ((record[start] ?? 0) & 0x40) !== 0;
  const invert = isNegative ? 0xff : 0;
  let value = ((record[start] ?? 0) ^ invert) & 0x7f;
  for (let at = start + 1; at < start + length; at++) value = value * 0x100 + ((record[at] ?? 0) ^ invert);
  return isNegative ? -value - 1 : value;
}
