import { type ByteString, byteStringOf } from "./byte-string.ts";
import { type PaxRecords, parsePaxRecords } from "./pax-records.ts";
import {
  checkMapLength,
  checkSparseRuns,
  SparseMapText,
  type SparseRecord,
  type SparseRun,
  sparseRunsOfHeader,
  sparseRunsOfRecord,
} from "./sparse-map.ts";
import type { TarEntry, TarEntryType } from "./tar-entry.ts";
import { TarFault } from "./tar-fault.ts";
import { isZeroRecord, parseTarHeader, RECORD_BYTES, type TarHeader } from "./tar-header.ts";

/** Largest name or pax header that is taken into memory, in bytes: where Go's archive/tar stops. */
const MAX_EXTENSION_BYTES = 1024 * 1024;

/** What has to be read next, or what is known now. */
export type TarStep =
  /** The next record. */
  | { readonly kind: "record" }
  /** So many bytes in one piece, and then their padding. */
  | { readonly kind: "extension"; readonly size: number }
  /** An entry is known. Its content and the padding behind it follow, and then the next record. */
  | { readonly kind: "entry"; readonly entry: TarEntry }
  /** The archive ends here; what is behind means nothing. */
  | { readonly kind: "end" };

const RECORD: TarStep = { kind: "record" };

/** By type flag: regular files, those of before ustar included, contiguous files, and everything else that can be made. */
const TYPES: ReadonlyMap<string, TarEntryType> = new Map([
  ["\0", "file"],
  ["0", "file"],
  ["7", "file"],
  ["S", "file"],
  ["1", "hardlink"],
  ["2", "symlink"],
  ["3", "character device"],
  ["4", "block device"],
  ["5", "directory"],
  ["6", "fifo"],
]);

interface PendingSparse {
  readonly header: TarHeader;
  readonly take: (record: Buffer) => readonly SparseRun[] | undefined;
  /** Whether the map's records count as content, as the size of the header has it. */
  readonly isContent: boolean;
}

/**
 * What the records of an archive mean, in any format: v7, ustar, GNU or pax. Reads nothing itself: whoever has the bytes does as
 * the steps say, so that a stream which is waited for and one which is pushed are understood alike. What Go's archive/tar takes
 * is taken, with the same meaning. Its methods throw `TarFault`.
 */
export class TarGrammar {
  #pax: PaxRecords | undefined;
  #longName: ByteString | undefined;
  #longLink: ByteString | undefined;
  /** The type of the extension whose content is read. */
  #extension = "";
  #sparse: PendingSparse | undefined;
  #wasZero = false;
  #size = 0;

  /** Takes the next record of `RECORD_BYTES`. */
  record(record: Buffer): TarStep {
    if (this.#sparse !== undefined) return this.#sparseRecord(this.#sparse, record);
    if (isZeroRecord(record)) return this.#zeroRecord();
    if (this.#wasZero) throw new TarFault("damaged", "a header follows a record of zeros");
    return this.#header(parseTarHeader(record), record);
  }

  /** Takes the content of an extension. */
  extension(content: Buffer): TarStep {
    switch (this.#extension) {
      case "x":
        this.#pax = parsePaxRecords(content);
        break;
      case "L":
        this.#longName = byteStringOf(content);
        break;
      case "K":
        this.#longLink = byteStringOf(content);
        break;
      default: // a global pax header speaks of the whole archive: nothing of it could be right for every entry
    }
    return RECORD;
  }

  #zeroRecord(): TarStep {
    if (this.#wasZero) return { kind: "end" };
    this.#wasZero = true;
    return RECORD;
  }

  #header(header: TarHeader, record: Buffer): TarStep {
    if ("xgLK".includes(header.type)) return this.#beginExtension(header);
    this.#size = this.#pax?.size ?? header.size;
    if (header.type === "S") return this.#oldSparse(header, sparseRunsOfHeader(record));
    if (this.#pax?.sparse === undefined || TYPES.get(header.type) !== "file")
      return this.#entry(header, undefined);
    if (this.#pax.sparse.runs !== undefined) return this.#entry(header, this.#pax.sparse.runs);
    const map = new SparseMapText();
    this.#sparse = { header, take: (next) => map.take(next), isContent: true };
    return RECORD;
  }

  #beginExtension({ type, size }: TarHeader): TarStep {
    if (size > MAX_EXTENSION_BYTES) {
      const reason = `a long name or pax header has ${size} bytes, at most ${MAX_EXTENSION_BYTES} are read`;
      throw new TarFault("too large", reason);
    }
    this.#extension = type;
    return { kind: "extension", size };
  }

  #oldSparse(header: TarHeader, { runs, goesOn }: SparseRecord): TarStep {
    if (!goesOn) return this.#entry(header, runs);
    const all = [...runs];
    const take = (record: Buffer) => {
      const next = sparseRunsOfRecord(record);
      all.push(...next.runs);
      checkMapLength(all.length);
      return next.goesOn ? undefined : all;
    };
    this.#sparse = { header, take, isContent: false };
    return RECORD;
  }

  #sparseRecord({ header, take, isContent }: PendingSparse, record: Buffer): TarStep {
    if (isContent) this.#size -= RECORD_BYTES;
    if (this.#size < 0)
      throw new TarFault("malformed", "the map of a sparse file is longer than its content");
    const runs = take(record);
    if (runs === undefined) return RECORD;
    this.#sparse = undefined;
    return this.#entry(header, runs);
  }

  #entry(header: TarHeader, sparse: readonly SparseRun[] | undefined): TarStep {
    const pax = this.#pax;
    const name = this.#longName ?? pax?.sparse?.name ?? pax?.path ?? header.name;
    const type = typeOf(header.type, name);
    const isWithoutContent = type !== "file" && type !== "other" && header.type !== "\0";
    const size = isWithoutContent ? 0 : this.#size;
    const fileSize = sparse === undefined ? size : (pax?.sparse?.size ?? header.realSize);
    if (sparse !== undefined) checkSparseRuns(sparse, { content: size, size: fileSize });
    const entry: TarEntry = {
      name,
      type,
      flag: header.type,
      linkName: this.#longLink ?? pax?.linkPath ?? header.linkName,
      size,
      fileSize,
      sparse,
      mode: header.mode & 0o7777,
      uid: pax?.uid ?? header.uid,
      gid: pax?.gid ?? header.gid,
      mtime: pax?.mtime ?? header.mtime,
      deviceMajor: header.deviceMajor,
      deviceMinor: header.deviceMinor,
      xattrs: pax?.xattrs,
    };
    this.#pax = undefined;
    this.#longName = undefined;
    this.#longLink = undefined;
    return { kind: "entry", entry };
  }
}

/** Archives from before ustar have files whose names end in a slash for directories. */
function typeOf(flag: string, name: ByteString): TarEntryType {
  if (flag === "\0" && name.endsWith("/")) return "directory";
  return TYPES.get(flag) ?? "other";
}
