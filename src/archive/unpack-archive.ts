import { ErrDataLoss, ErrInvalidArgument } from "../errors/classes.ts";
import { compressionOf } from "../layer/decompress/compression.ts";
import { type DocumentName, isImageFile, parseArchivePath, symlinkTarget } from "./archive-path.ts";
import type { StoredFile } from "./ingest.ts";
import { type IntakeContext, takeIn } from "./intake.ts";
import { peek } from "./peek.ts";
import { type TarEntry, tarEntries } from "./tar-entries.ts";

/** Largest document that is taken into memory, in bytes: where containerd's importer stops (CVE-2023-25153). */
export const MAX_DOCUMENT_BYTES = 20 * 1024 * 1024;

/** Most files and links that are remembered by path: 500 images of 127 layers each. */
const MAX_FILES = 65_536;

/** Longest chain of links that is followed; docker's are one long. */
const MAX_LINKS = 8;

/** What a tar archive held. All its blobs, and all files that docker's list may speak of, are in the store by now. */
export class UnpackedArchive {
  readonly #documents = new Map<DocumentName, Uint8Array>();
  /** A path leads to content, or to another path. */
  readonly #files = new Map<string, StoredFile | string>();

  /** The bytes of a document; `undefined` when the archive has none of that name. */
  document(name: DocumentName): Uint8Array | undefined {
    return this.#documents.get(name);
  }

  /**
   * The content at `path`; links are followed from entry to entry and never out of the archive. `undefined` when there is no
   * such entry.
   */
  find(path: string): StoredFile | undefined {
    const parsed = parseArchivePath(path);
    if (parsed === undefined || parsed.kind === "document") return undefined;
    let found = this.#files.get(parsed.path);
    for (let links = 0; typeof found === "string" && links < MAX_LINKS; links++)
      found = this.#files.get(found);
    return typeof found === "string" ? undefined : found;
  }

  /**
   * Remembers a document. Throws `ErrInvalidArgument` for a second one of its name that says something else: readers would
   * disagree on which counts.
   */
  addDocument(name: DocumentName, bytes: Uint8Array): void {
    const first = this.#documents.get(name);
    if (first && Buffer.compare(first, bytes) !== 0) {
      throw new ErrInvalidArgument(`read archive: got two different ${name}`);
    }
    this.#documents.set(name, bytes);
  }

  /**
   * Remembers content or a link. Of entries with one path the last one counts, as for everybody who unpacks the archive.
   * Throws `ErrInvalidArgument` beyond the bound.
   */
  addFile(path: string, file: StoredFile | string): void {
    if (!this.#files.has(path) && this.#files.size >= MAX_FILES) {
      throw new ErrInvalidArgument(`read archive: got more than ${MAX_FILES} files`);
    }
    this.#files.set(path, file);
  }
}

/**
 * Streams a tar archive into the store, in the order in which its entries come, because a stream cannot be rewound: blobs
 * verified by their digest, files of a `docker save` under whatever digest they have. Only links and regular files count that
 * may be a config or a layer, nothing is ever written by a path of the archive, and everything else is passed over. Throws what
 * `tarEntries` and `ingest` throw, and `ErrInvalidArgument` for an archive that contradicts itself or says too much.
 */
export async function unpackArchive(
  source: AsyncIterable<Uint8Array>,
  context: IntakeContext,
): Promise<UnpackedArchive> {
  const archive = new UnpackedArchive();
  for await (const entry of tarEntries(source, context)) {
    switch (entry.type) {
      case "file":
        await takeFile(archive, entry, context);
        break;
      case "symlink":
      case "hardlink":
        rememberLink(archive, entry);
        break;
      case "sparse":
        refuseWhenWanted(entry);
        break;
      case "other":
    }
  }
  return archive;
}

function refuseWhenWanted({ name }: TarEntry): void {
  const path = parseArchivePath(name);
  if (path === undefined || (path.kind === "file" && !isImageFile(path.path))) return;
  throw new ErrInvalidArgument(`read archive: "${name}" is a sparse file, wanted one with all its bytes`);
}

async function takeFile(archive: UnpackedArchive, entry: TarEntry, context: IntakeContext): Promise<void> {
  const { size, content } = entry;
  const path = parseArchivePath(entry.name);
  switch (path?.kind) {
    case "document":
      archive.addDocument(path.name, await readDocument(path.name, entry));
      return;
    case "blob": {
      if (archive.find(path.path)) return; // it is the same file once more, by its digest
      const digest = await takeIn({ ...path, size, chunks: content }, context);
      archive.addFile(path.path, { digest, size });
      return;
    }
    case "file": {
      const chunks = await unlessForeign(path.path, content);
      if (chunks === undefined) return;
      const digest = await takeIn({ ...path, size, chunks }, context);
      archive.addFile(path.path, { digest, size });
      return;
    }
    case undefined:
  }
}

/** Where a tar archive says that it is one, and in which words (POSIX pax, "ustar Interchange Format"). */
const USTAR = { text: "ustar", at: 257 } as const;

/**
 * The content of a file that may be a config or a layer, by its name or by how it begins; `undefined` for all others. An archive
 * of a whole file system would otherwise be stored file by file before it turns out to be none of images.
 */
async function unlessForeign(
  path: string,
  content: AsyncIterable<Uint8Array>,
): Promise<AsyncIterable<Uint8Array> | undefined> {
  const byName = isImageFile(path);
  if (byName !== undefined) return byName ? content : undefined;
  const { head, whole } = await peek(content, USTAR.at + USTAR.text.length);
  const begins = Buffer.from(head).toString("latin1");
  const isLayer = compressionOf(head) !== "none" || begins.startsWith(USTAR.text, USTAR.at);
  return isLayer || begins.trimStart().startsWith("{") ? whole : undefined;
}

function rememberLink(archive: UnpackedArchive, { name, type, linkName }: TarEntry): void {
  const path = parseArchivePath(name);
  if (path?.kind !== "file") return;
  const target = parseArchivePath(type === "symlink" ? (symlinkTarget(path.path, linkName) ?? "") : linkName);
  if (target?.kind === "file" || target?.kind === "blob") archive.addFile(path.path, target.path);
}

async function readDocument(name: DocumentName, { size, content }: TarEntry): Promise<Uint8Array> {
  if (size > MAX_DOCUMENT_BYTES) {
    throw new ErrInvalidArgument(`read ${name}: got ${size} bytes, wanted at most ${MAX_DOCUMENT_BYTES}`);
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  if (bytes.length !== size) throw new ErrDataLoss(`read ${name}: got ${bytes.length} bytes, want ${size}`);
  return bytes;
}
