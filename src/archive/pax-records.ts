/** What a pax header says of the entry behind it that a reader has to know. */
export interface PaxRecords {
  readonly path?: string;
  readonly linkPath?: string;
  /** Bytes of content. */
  readonly size?: number;
  /** Whether the content is that of a sparse file (GNU), which is not the file's bytes. */
  readonly isSparse: boolean;
}

/**
 * Reads the records `<length> <key>=<value>\n` of a pax header; the last one of a key counts, and an empty value takes back
 * what came before (POSIX pax, "pax Extended Header"). Throws a plain error for records that are malformed.
 */
export function parsePaxRecords(content: Uint8Array): PaxRecords {
  const records = readRecords(Buffer.from(content.buffer, content.byteOffset, content.byteLength));
  const size = records.get("size");
  const path = records.get("path");
  const linkPath = records.get("linkpath");
  return {
    isSparse: [...records.keys()].some((key) => key.startsWith("GNU.sparse.")),
    ...(path && { path }),
    ...(linkPath && { linkPath }),
    ...(size && { size: parseSize(size) }),
  };
}

function readRecords(content: Buffer): Map<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < content.byteLength; ) {
    const space = content.indexOf(" ", at);
    const length = space === -1 ? Number.NaN : parseLength(content.toString("latin1", at, space));
    const end = at + length;
    const equals = content.indexOf("=", space);
    const isWhole = end <= content.byteLength && content[end - 1] === 0x0a;
    if (!isWhole || equals === -1 || equals >= end) throw new Error("a pax header is malformed");
    records.set(content.toString("utf8", space + 1, equals), content.toString("utf8", equals + 1, end - 1));
    at = end;
  }
  return records;
}

function parseLength(digits: string): number {
  return /^[1-9]\d{0,8}$/.test(digits) ? Number(digits) : Number.NaN;
}

function parseSize(digits: string): number {
  const size = /^\d{1,16}$/.test(digits) ? Number(digits) : Number.NaN;
  if (Number.isSafeInteger(size)) return size;
  throw new Error("a pax header has a size that is malformed or too large");
}
