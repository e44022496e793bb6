import { constants, fstatSync, openSync, readSync, writeSync } from "node:fs";
import type { Steps } from "../../async/slices.ts";
import { closeQuietly } from "../../disk/close-quietly.ts";
import type { ByteString } from "../../tar/byte-string.ts";
import {
  formatTarHeader,
  type HeaderFields,
  MAX_NAME_BYTES,
  paddingFor,
  paxRecord,
} from "../../tar/format-tar-header.ts";
import type { SparseRun } from "../../tar/sparse-map.ts";

/** Bytes of a file that are copied at once. */
const COPY_BYTES = 256 * 1024;

/** An entry to be made by GNU tar. Its name is a path below the layer's root that the unpacking has made or verified. */
export interface SideEntry extends Omit<HeaderFields, "size"> {
  readonly xattrs?: ReadonlyMap<ByteString, ByteString> | undefined;
  /** Where the file is whose bytes are the content. */
  readonly content?: string | Buffer | undefined;
  /** Which of its bytes, when it is a sparse one. */
  readonly sparse?: readonly SparseRun[] | undefined;
}

/**
 * Writes a tar archive for GNU tar: names as GNU has them, because those are bytes to it and the ones of pax are text; attributes
 * and fractions of seconds in pax headers.
 */
export class SideArchive {
  readonly #fd: number;
  #entries = 0;

  /** @param fd of an empty file; the caller closes it */
  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Whether there is nothing in it. */
  get isEmpty(): boolean {
    return this.#entries === 0;
  }

  /** Adds an entry, step by step: its content may be large. Throws what the file calls throw. */
  *add(entry: SideEntry): Steps<void> {
    this.#entries++;
    const name = `./${entry.name}`;
    const linkName =
      entry.linkName === undefined || entry.type !== "1" ? entry.linkName : `./${entry.linkName}`;
    this.#addLongName("L", name);
    this.#addLongName("K", linkName ?? "");
    const { content } = entry;
    const header = { ...entry, name, linkName: linkName ?? "", mtime: Math.floor(entry.mtime ?? 0) };
    if (content === undefined) {
      this.#addPax(entry, []);
      this.#write(formatTarHeader({ ...header, size: 0 }));
    } else {
      yield* this.#addFile(content, { entry, header });
    }
    yield;
  }

  /** Writes the end of the archive. */
  finish(): void {
    this.#write(Buffer.alloc(1024));
  }

  *#addFile(
    path: string | Buffer,
    { entry, header }: { readonly entry: SideEntry; readonly header: HeaderFields },
  ): Steps<void> {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      const fileSize = fstatSync(fd).size;
      const { sparse } = entry;
      const map = sparse === undefined ? Buffer.alloc(0) : mapOf(sparse);
      const runs = sparse ?? [{ offset: 0, length: fileSize }];
      const size = runs.reduce((sum, { length }) => sum + length, map.byteLength);
      this.#addPax(entry, sparse === undefined ? [] : sparseRecords(header.name, fileSize));
      this.#write(formatTarHeader({ ...header, size }));
      this.#write(map);
      for (const run of runs) yield* this.#copy(fd, run);
      this.#write(paddingFor(size));
    } finally {
      closeQuietly(fd);
    }
  }

  *#copy(fd: number, { offset, length }: SparseRun): Steps<void> {
    const buffer = Buffer.allocUnsafe(Math.min(length, COPY_BYTES));
    for (let at = 0; at < length; ) {
      const read = readSync(fd, buffer, 0, Math.min(buffer.byteLength, length - at), offset + at);
      if (read === 0) throw new Error("a file that was just unpacked has become shorter");
      this.#write(buffer.subarray(0, read));
      at += read;
      yield;
    }
  }

  #addLongName(type: "L" | "K", name: ByteString): void {
    if (name.length >= MAX_NAME_BYTES) this.#addExtension(type, Buffer.from(`${name}\0`, "latin1"));
  }

  #addPax({ xattrs, mtime = 0 }: SideEntry, more: readonly ByteString[]): void {
    const records = [...more];
    if (!Number.isInteger(mtime)) records.push(paxRecord("mtime", mtime.toFixed(9)));
    for (const [name, value] of xattrs ?? []) records.push(paxRecord(`SCHILY.xattr.${escaped(name)}`, value));
    if (records.length > 0) this.#addExtension("x", Buffer.from(records.join(""), "latin1"));
  }

  #addExtension(type: string, content: Buffer): void {
    this.#write(formatTarHeader({ name: "././@LongLink", type, mode: 0o644, size: content.byteLength }));
    this.#write(content);
    this.#write(paddingFor(content.byteLength));
  }

  #write(bytes: Buffer): void {
    for (let at = 0; at < bytes.byteLength; ) at += writeSync(this.#fd, bytes, at);
  }
}

/** An attribute's name as GNU tar has it in a key, where `=` would end it: what it reads, it takes out again. */
function escaped(name: ByteString): ByteString {
  return name.replaceAll("%", "%25").replaceAll("=", "%3D");
}

/** The map of a sparse file in front of its content (GNU, format 1.0). */
function mapOf(runs: readonly SparseRun[]): Buffer {
  const numbers = [runs.length, ...runs.flatMap(({ offset, length }) => [offset, length])];
  const map = Buffer.from(`${numbers.join("\n")}\n`);
  return Buffer.concat([map, paddingFor(map.byteLength)]);
}

function sparseRecords(name: ByteString, fileSize: number): ByteString[] {
  return [
    paxRecord("GNU.sparse.major", "1"),
    paxRecord("GNU.sparse.minor", "0"),
    paxRecord("GNU.sparse.name", name),
    paxRecord("GNU.sparse.realsize", String(fileSize)),
  ];
}
