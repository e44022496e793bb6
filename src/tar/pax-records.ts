import type { ByteString } from "./byte-string.ts";
import { type SparseRun, sparseRunsOfText } from "./sparse-map.ts";
import { TarFault } from "./tar-fault.ts";

/** What a pax header says of the entry behind it. */
export interface PaxRecords {
  readonly path?: ByteString | undefined;
  readonly linkPath?: ByteString | undefined;
  /** Bytes of content. */
  readonly size?: number | undefined;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  /** Seconds since the epoch, with a fraction, negative before it. */
  readonly mtime?: number | undefined;
  /** Extended attributes: values by name. Absent when there are none. */
  readonly xattrs?: ReadonlyMap<ByteString, ByteString> | undefined;
  /** What is said of a sparse file (GNU). Absent when the content is the file's. */
  readonly sparse?: PaxSparse | undefined;
}

/** A sparse file as pax records tell it. */
export interface PaxSparse {
  /** The file's own name; what `path` has is one that old archivers can unpack beside it. */
  readonly name?: ByteString | undefined;
  /** Bytes of the file. */
  readonly size?: number | undefined;
  /** Which bytes are there; absent when the map stands before the content (format 1.0). */
  readonly runs?: readonly SparseRun[] | undefined;
}

/** By whom attributes are written, and how: star, docker and GNU tar as they are, libarchive in base64 under an encoded name. */
const STAR_XATTR = "SCHILY.xattr.";
const LIBARCHIVE_XATTR = "LIBARCHIVE.xattr.";

/**
 * Reads the records `<length> <key>=<value>\n` of a pax header; the last one of a key counts, and an empty value takes back
 * what came before (POSIX pax, "pax Extended Header"). Throws `TarFault` for records that are malformed.
 */
export function parsePaxRecords(content: Buffer): PaxRecords {
  const records = readRecords(content);
  const take = (key: string) => records.get(key) || undefined;
  return {
    path: withoutZero(take("path")),
    linkPath: withoutZero(take("linkpath")),
    size: numberOf(take("size"), /^\d{1,16}$/, "size"),
    uid: numberOf(take("uid"), /^-?\d{1,16}$/, "owner"),
    gid: numberOf(take("gid"), /^-?\d{1,16}$/, "group"),
    mtime: numberOf(take("mtime"), /^-?\d{1,16}(?:\.\d*)?$/, "time"),
    xattrs: xattrsOf(records),
    sparse: sparseOf(records),
  };
}

function readRecords(content: Buffer): Map<ByteString, ByteString> {
  const records = new Map<ByteString, ByteString>();
  const runs: ByteString[] = [];
  for (let at = 0; at < content.byteLength; ) {
    const { key, value, end } = readRecord(content, at);
    if (key.includes("\0")) throw malformed("a pax header has a key with a zero byte in it");
    if (key === "GNU.sparse.offset" || key === "GNU.sparse.numbytes") runs.push(value);
    records.set(key, value);
    at = end;
  }
  // The first of GNU's formats has a record for each number of the map; the second one has them in one record.
  if (runs.length > 0) records.set("GNU.sparse.map", runs.join(","));
  return records;
}

interface PaxRecord {
  readonly key: ByteString;
  readonly value: ByteString;
  /** Where the next record begins. */
  readonly end: number;
}

function readRecord(content: Buffer, at: number): PaxRecord {
  const space = content.indexOf(" ", at);
  const length =
    space === -1 ? Number.NaN : parseLength(content.toString("latin1", at, Math.min(space, at + 10)));
  const end = at + length;
  const equals = content.indexOf("=", space);
  const isWhole = end <= content.byteLength && content[end - 1] === 0x0a;
  if (!isWhole || equals === -1 || equals >= end) throw malformed("a pax header is malformed");
  return {
    key: content.toString("latin1", space + 1, equals),
    value: content.toString("latin1", equals + 1, end - 1),
    end,
  };
}

function parseLength(digits: string): number {
  return /^[1-9]\d{0,8}$/.test(digits) ? Number(digits) : Number.NaN;
}

function numberOf(digits: string | undefined, format: RegExp, what: string): number | undefined {
  if (digits === undefined) return undefined;
  const value = format.test(digits) ? Number(digits) : Number.NaN;
  if (Number.isSafeInteger(Math.trunc(value))) return value;
  throw malformed(`a pax header has a ${what} that is malformed or too large`);
}

function withoutZero<Name extends ByteString | undefined>(name: Name): Name {
  if (name?.includes("\0")) throw malformed("a pax header has a name with a zero byte in it");
  return name;
}

function xattrsOf(records: ReadonlyMap<ByteString, ByteString>): PaxRecords["xattrs"] {
  const xattrs = new Map<ByteString, ByteString>();
  for (const [key, value] of records) {
    if (key.startsWith(LIBARCHIVE_XATTR)) {
      const name = withoutZero(withoutEscapes(key.slice(LIBARCHIVE_XATTR.length)));
      xattrs.set(name, Buffer.from(value, "base64").toString("latin1"));
    }
  }
  for (const [key, value] of records) {
    if (key.startsWith(STAR_XATTR)) xattrs.set(key.slice(STAR_XATTR.length), value); // has no encoding to get wrong
  }
  return xattrs.size === 0 ? undefined : xattrs;
}

/** `%41` is the byte 0x41. What is no such escape stands for itself. */
function withoutEscapes(name: ByteString): ByteString {
  return name.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

function sparseOf(records: ReadonlyMap<ByteString, ByteString>): PaxSparse | undefined {
  const map = records.get("GNU.sparse.map");
  const major = records.get("GNU.sparse.major") ?? (map === undefined ? undefined : "0");
  if (major === undefined) return undefined;
  const version = `${major}.${records.get("GNU.sparse.minor") ?? "0"}`;
  if (version !== "1.0" && version !== "0.0" && version !== "0.1") {
    throw malformed("a pax header has a sparse file in a format that nobody knows");
  }
  const size = records.get("GNU.sparse.realsize") ?? records.get("GNU.sparse.size");
  return {
    name: withoutZero(records.get("GNU.sparse.name") || undefined),
    size: numberOf(size, /^\d{1,16}$/, "size"),
    runs: version === "1.0" ? undefined : sparseRunsOfText(map ?? ""),
  };
}

function malformed(reason: string): TarFault {
  return new TarFault("malformed", reason);
}
