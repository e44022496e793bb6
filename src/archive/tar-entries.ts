import type { AbortOptions } from "../async/abort.ts";
import { ErrDataLoss, ErrInvalidArgument } from "../errors/classes.ts";
import { isDrayageError } from "../errors/drayage-error.ts";
import { messageOf } from "../errors/message-of.ts";
import { textOf } from "../tar/byte-string.ts";
import type { TarEntry as EntryOfTar, TarEntryType } from "../tar/tar-entry.ts";
import { unexpectedEnd } from "../tar/tar-fault.ts";
import { TarGrammar, type TarStep } from "../tar/tar-grammar.ts";
import { paddingOf, RECORD_BYTES } from "../tar/tar-header.ts";
import { ByteSource } from "./byte-source.ts";

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

/** Everything else holds no bytes of its own, or we do not understand it. */
const TYPES: Partial<Readonly<Record<TarEntryType, TarEntry["type"]>>> = {
  file: "file",
  symlink: "symlink",
  hardlink: "hardlink",
};

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
  const grammar = new TarGrammar();
  let first = true;
  try {
    for (;;) {
      const entry = await orArchiveError(nextEntry(bytes, grammar), first);
      if (entry === undefined) return;
      first = false;
      const content = new Content(bytes, entry.size);
      yield { ...entry, content };
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
async function nextEntry(
  bytes: ByteSource,
  grammar: TarGrammar,
): Promise<Omit<TarEntry, "content"> | undefined> {
  let step: TarStep = { kind: "record" };
  for (;;) {
    switch (step.kind) {
      case "record": {
        const record = await bytes.read(RECORD_BYTES);
        if (record.byteLength === 0) return undefined;
        if (record.byteLength < RECORD_BYTES) throw unexpectedEnd();
        step = grammar.record(bufferOf(record));
        break;
      }
      case "extension":
        step = grammar.extension(await readExtension(bytes, step.size));
        break;
      case "entry":
        return ourEntryOf(step.entry);
      case "end": // a compressed source is verified at its end, a pipe wants to be emptied
        while ((await bytes.skip(MAX_PIECE_BYTES)) > 0);
        return undefined;
    }
  }
}

function ourEntryOf({ name, type, size, linkName, sparse }: EntryOfTar): Omit<TarEntry, "content"> {
  const ourType = sparse === undefined ? (TYPES[type] ?? "other") : "sparse";
  const isLink = ourType === "symlink" || ourType === "hardlink";
  return { name: textOf(name), type: ourType, size, linkName: isLink ? textOf(linkName) : "" };
}

async function readExtension(bytes: ByteSource, size: number): Promise<Buffer> {
  const content = await bytes.read(size);
  if (content.byteLength < size) throw unexpectedEnd();
  await skipExactly(bytes, paddingOf(size));
  return bufferOf(content);
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

async function skipExactly(bytes: ByteSource, count: number): Promise<void> {
  if ((await bytes.skip(count)) < count) throw unexpectedEnd();
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
