import { constants } from "node:fs";
import { open, realpath, stat } from "node:fs/promises";
import { diskError, isMissingFile } from "../disk/disk-error.ts";
import { writeFileAtomic } from "../disk/write-file-atomic.ts";
import { ErrDataLoss, ErrFailedPrecondition, ErrResourceExhausted } from "../errors/classes.ts";
import { messageOf } from "../errors/message-of.ts";
import { checkDocumentKind } from "../oci/check-document-kind.ts";
import { fieldsOf, listOf } from "../oci/json-field.ts";
import { type JsonObject, parseJsonObject } from "../oci/json-object.ts";
import { OCI_INDEX } from "../oci/media-types.ts";
import { type IndexEntry, readEntry } from "./index-entry.ts";

/** Most bytes of an `index.json` that are read, and written: 64 MiB hold more than 100,000 names. */
const MAX_INDEX_FILE_BYTES = 64 * 1024 * 1024;

/** Most entries of an `index.json`: what the byte limit holds. */
const MAX_INDEX_ENTRIES = 200_000;

/** Keys that mean something to us; a document that spells one of them otherwise, or twice, is refused. */
const KEYS = ["schemaVersion", "mediaType", "manifests"];

/** An `index.json`: what others wrote into it stays in `raw` and in the entries, whether we understand it or not. */
export interface IndexFile {
  readonly raw: JsonObject;
  readonly entries: readonly IndexEntry[];
}

/** The index of a data root that has no names yet. */
export const EMPTY_INDEX: IndexFile = { raw: { schemaVersion: 2, mediaType: OCI_INDEX }, entries: [] };

/**
 * Reads `index.json` (OCI image-spec, image-layout.md). Throws `ErrDataLoss` when it is missing or damaged,
 * `ErrFailedPrecondition` when it is no regular file, and the classes of `diskError`.
 */
export async function readIndexFile(path: string): Promise<IndexFile> {
  const bytes = await readBounded(path);
  try {
    const raw = parseJsonObject(bytes, { what: "index", maxBytes: MAX_INDEX_FILE_BYTES, keys: KEYS });
    checkDocumentKind("index", raw, OCI_INDEX);
    const asEntries = listOf(readEntry, MAX_INDEX_ENTRIES);
    // The list has to be there, but Go writes an empty one as null.
    const entries = fieldsOf(raw, "").required("manifests", (value, at) =>
      value === null ? [] : asEntries(value, at),
    );
    return { raw, entries };
  } catch (cause) {
    const reason = messageOf(cause);
    throw new ErrDataLoss(`read index "${path}": ${reason}`, { cause });
  }
}

/**
 * Replaces `index.json` atomically; a symbolic link stays one, and the file that it leads to is replaced. Throws
 * `ErrResourceExhausted` for an index that could not be read again, and the classes of `diskError`.
 */
export async function writeIndexFile(path: string, { raw, entries }: IndexFile): Promise<void> {
  const text = `${JSON.stringify({ ...raw, manifests: entries.map((entry) => entry.raw) })}\n`;
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_INDEX_FILE_BYTES || entries.length > MAX_INDEX_ENTRIES) {
    const got = `got ${entries.length} entries of ${bytes} bytes`;
    const most = `wanted at most ${MAX_INDEX_ENTRIES} of ${MAX_INDEX_FILE_BYTES}`;
    throw new ErrResourceExhausted(`write index "${path}": ${got}, ${most}`, { retryable: false });
  }
  await writeFileAtomic(...(await whereItIs(path, text)));
}

/** The file behind the name, and its permissions, which another tool may have chosen. */
async function whereItIs(path: string, text: string): Promise<Parameters<typeof writeFileAtomic>> {
  try {
    const target = await realpath(path);
    return [target, text, { mode: (await stat(target)).mode & 0o777 }];
  } catch (cause) {
    if (isMissingFile(cause)) return [path, text];
    throw diskError("write index", path, cause);
  }
}

async function readBounded(path: string): Promise<Uint8Array> {
  try {
    // Without O_NONBLOCK, opening a named pipe would wait for a writer for ever.
    await using file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const found = await file.stat();
    if (!found.isFile()) throw new ErrFailedPrecondition(`read index "${path}": not a regular file`);
    if (found.size > MAX_INDEX_FILE_BYTES) {
      const sizes = `got ${found.size} bytes, wanted at most ${MAX_INDEX_FILE_BYTES}`;
      throw new ErrDataLoss(`read index "${path}": ${sizes}`);
    }
    return await file.readFile();
  } catch (cause) {
    if (!isMissingFile(cause)) throw diskError("read index", path, cause);
    const advice = "put a copy of it back; without one the names of this data root are lost";
    throw new ErrDataLoss(`read index "${path}": the file is missing: ${advice}`, { cause });
  }
}
