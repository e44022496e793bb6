import type { AbortOptions } from "../async/abort.ts";
import { ErrDataLoss, ErrInvalidArgument } from "../errors/classes.ts";
import { isDrayageError } from "../errors/drayage-error.ts";
import { messageOf } from "../errors/message-of.ts";
import { ByteSource } from "./byte-source.ts";
import { type PaxRecords, parsePaxRecords } from "./pax-records.ts";
import {
  isZeroRecord,
  parseTarHeader,
  RECORD_BYTES,
  sparseRecordGoesOn,
  type TarHeader,
  textOf,
} from "./tar-header.ts";

/** Largest name or pax header that is taken into memory, in bytes: where Go's archive/tar stops. */
const MAX_EXTENSION_BYTES = 1024 * 1024;

/** Most bytes of content that are given or passed over at once. */
const MAX_PIECE_BYTES = 1024 * 1024;

/** One entry of a tar archive. */
export interface TarEntry {
  /** As the archive has it: nothing about it can be trusted. */
  readonly name: string;
  /**
   * `sparse` is a file whose content is not the bytes of the file. `other` is everything that holds no bytes of its own or that
   * we do not understand: directories, devices, volume labels.
   */
  readonly type: "file" | "symlink" | "hardlink" | "sparse" | "other";
  /** Size of the content in bytes. */
  readonly size: number;
  /** Where a link leads, as the archive has it; empty for all others. */
  readonly linkName: string;
  /** The content. It ends with the turn of the entry; what is left unread is passed over. */
  readonly content: AsyncIterable<Uint8Array>;
}

/** By type flag: regular files, those of before ustar included, contiguous files, links, old GNU sparse files. */
const TYPES: ReadonlyMap<string, TarEntry["type"]> = new Map([
  ["0", "file"],
  ["7", "file"],
  ["2", "symlink"],
  ["1", "hardlink"],
  ["S", "sparse"],
]);

/**
 * The entries of a tar archive as they come, in any format: v7, ustar, GNU or pax. As with Go's archive/tar two records of zeros
 * end it, or the end of `source` behind an entry; what comes after the end is read and means nothing. Takes no more of `source`
 * than its reader asks for. Throws `ErrInvalidArgument` for what is no tar archive, `ErrDataLoss` for one that is damaged or
 * ends early, what the source throws if it is an error of ours, and the abort error.
 *
 * @param source chunks that stay as they are once they were given: the content is made of them
 */
export async function* tarEntries(
  source: AsyncIterable<Uint8Array>,
  options: AbortOptions = {},
): AsyncGenerator<TarEntry> {
  const bytes = new ByteSource(source, options);
  let first = true;
  try {
    for (;;) {
      const header = await orArchiveError(nextHeader(bytes), first);
      if (header === undefined) return;
      first = false;
      const content = new Content(bytes, header.size);
      yield { ...header, content };
      await orArchiveError(content.pass(), first);
    }
  } finally {
    await bytes.close();
  }
}

/** The content of one entry, with the padding behind it. */
class Content implements AsyncIterable<Uint8Array> {
  readonly #bytes: ByteSource;
  readonly #padding: number;
  #left: number;

  constructor(bytes: ByteSource, size: number) {
    this.#bytes = bytes;
    this.#left = size;
    this.#padding = paddingOf(size);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    while (this.#left > 0) yield await orArchiveError(this.#take(), false);
  }

  /** Passes over what is left; nothing can be read afterwards. */
  async pass(): Promise<void> {
    while (this.#left > 0) await this.#take();
    await skipExactly(this.#bytes, this.#padding);
  }

  async #take(): Promise<Uint8Array> {
    const piece = await this.#bytes.take(Math.min(this.#left, MAX_PIECE_BYTES));
    if (piece === undefined) throw unexpectedEnd();
    this.#left -= piece.byteLength;
    return piece;
  }
}

/** The next entry without its content; `undefined` at the end, up to which the source was read then. */
async function nextHeader(bytes: ByteSource): Promise<Omit<TarEntry, "content"> | undefined> {
  let pax: PaxRecords | undefined;
  let longName: string | undefined;
  let longLink: string | undefined;
  for (;;) {
    const header = await readHeader(bytes);
    if (header === undefined) return undefined;
    switch (header.type) {
      case "x":
        pax = parsePaxRecords(await readExtension(bytes, header));
        break;
      case "g": // speaks of the whole archive: nothing of it could be right for every entry
        await readExtension(bytes, header);
        break;
      case "L":
        longName = textOf(await readExtension(bytes, header));
        break;
      case "K":
        longLink = textOf(await readExtension(bytes, header));
        break;
      default:
        if (header.hasSparseRecords) await skipSparseRecords(bytes);
        return entryOf(header, { pax, longName, longLink });
    }
  }
}

interface Extensions {
  readonly pax: PaxRecords | undefined;
  readonly longName: string | undefined;
  readonly longLink: string | undefined;
}

function entryOf(header: TarHeader, { pax, longName, longLink }: Extensions): Omit<TarEntry, "content"> {
  const type = pax?.isSparse ? "sparse" : (TYPES.get(header.type) ?? "other");
  const isLink = type === "symlink" || type === "hardlink";
  return {
    name: longName ?? pax?.path ?? header.name,
    type,
    size: isLink || header.type === "5" ? 0 : (pax?.size ?? header.size),
    linkName: longLink ?? pax?.linkPath ?? header.linkName,
  };
}

async function readHeader(bytes: ByteSource): Promise<TarHeader | undefined> {
  const record = await bytes.read(RECORD_BYTES);
  if (record.byteLength === 0) return undefined;
  if (record.byteLength < RECORD_BYTES) throw unexpectedEnd();
  if (!isZeroRecord(record)) return parseTarHeader(record);
  const second = await bytes.read(RECORD_BYTES);
  if (!isZeroRecord(second)) throw new Error("a header follows a record of zeros");
  while ((await bytes.skip(MAX_PIECE_BYTES)) > 0); // a compressed source is verified at its end, a pipe wants to be emptied
  return undefined;
}

async function readExtension(bytes: ByteSource, { size }: TarHeader): Promise<Uint8Array> {
  if (size > MAX_EXTENSION_BYTES) {
    throw new Error(`a long name or pax header has ${size} bytes, at most ${MAX_EXTENSION_BYTES} are read`);
  }
  const content = await bytes.read(size);
  if (content.byteLength < size) throw unexpectedEnd();
  await skipExactly(bytes, paddingOf(size));
  return content;
}

async function skipSparseRecords(bytes: ByteSource): Promise<void> {
  for (;;) {
    const record = await bytes.read(RECORD_BYTES);
    if (record.byteLength < RECORD_BYTES) throw unexpectedEnd();
    if (!sparseRecordGoesOn(record)) return;
  }
}

async function skipExactly(bytes: ByteSource, count: number): Promise<void> {
  if ((await bytes.skip(count)) < count) throw unexpectedEnd();
}

function paddingOf(size: number): number {
  return (RECORD_BYTES - (size % RECORD_BYTES)) % RECORD_BYTES;
}

function unexpectedEnd(): Error {
  return new Error("unexpected end of data");
}

async function orArchiveError<T>(work: Promise<T>, first: boolean): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    throw archiveError(cause, first);
  }
}

function archiveError(cause: unknown, first: boolean): Error {
  if (cause instanceof Error && isDrayageError(cause)) return cause;
  const reason = messageOf(cause);
  return first
    ? new ErrInvalidArgument(
        `read archive: not a tar archive, plain or in gzip, zstd, xz or bzip2: ${reason}`,
        {
          cause,
        },
      )
    : new ErrDataLoss(`read archive: damaged or incomplete: ${reason}`, { cause });
}
