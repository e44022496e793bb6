import { decompressionError } from "./fault.ts";

const [METHOD_DEFLATE, HEADER_CRC, EXTRA, NAME, COMMENT, RESERVED] = [8, 0x02, 0x04, 0x08, 0x10, 0xe0];

/** Fields between the flags and what they announce: time, extra flags, operating system. */
const FIXED_BYTES = 6;

/**
 * The header of a gzip member (RFC 1952 section 2.3), byte by byte: it has read the header when it is done. Throws `ErrDataLoss`
 * for what is none.
 */
export function* readGzipHeader(): Generator<undefined, void, number> {
  if ((yield) !== 0x1f || (yield) !== 0x8b)
    throw decompressionError("gzip", "something else follows the data");
  if ((yield) !== METHOD_DEFLATE) throw decompressionError("gzip", "unknown compression method");
  const flags = yield;
  if ((flags & RESERVED) !== 0) throw decompressionError("gzip", "unknown flags are set");
  yield* passOver(FIXED_BYTES);
  if ((flags & EXTRA) !== 0) yield* passOver((yield) + (yield) * 0x100);
  if ((flags & NAME) !== 0) yield* passOverText();
  if ((flags & COMMENT) !== 0) yield* passOverText();
  if ((flags & HEADER_CRC) !== 0) yield* passOver(2);
}

function* passOver(bytes: number): Generator<undefined, void, number> {
  for (let byte = 0; byte < bytes; byte++) yield;
}

function* passOverText(): Generator<undefined, void, number> {
  while ((yield) !== 0);
}
