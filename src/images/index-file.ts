import { open } from "node:fs/promises";
import { diskError, isMissingFile } from "../disk/disk-error.ts";
import { writeFileAtomic } from "../disk/write-file-atomic.ts";
import { ErrDataLoss } from "../errors/classes.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { descriptorToJson } from "../oci/descriptor-to-json.ts";
import { OCI_INDEX } from "../oci/media-types.ts";
import { parseIndex } from "../oci/parse-document.ts";

/** Most bytes of an `index.json` that are read: 64 MiB hold more than 100,000 names. */
const MAX_INDEX_FILE_BYTES = 64 * 1024 * 1024;

/** Most entries of an `index.json`: what the byte limit holds. */
const MAX_INDEX_ENTRIES = 200_000;

/** The entries of `index.json` (OCI image-spec, image-layout.md); none when there is no file yet. */
export async function readIndexFile(path: string): Promise<readonly Descriptor[]> {
  const bytes = await readBounded(path);
  if (!bytes) return [];
  try {
    return parseIndex(bytes, OCI_INDEX, {
      maxBytes: MAX_INDEX_FILE_BYTES,
      maxChildren: MAX_INDEX_ENTRIES,
    }).manifests;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ErrDataLoss(`read index "${path}": ${reason}`, { cause });
  }
}

/** Replaces `index.json` atomically. */
export async function writeIndexFile(path: string, manifests: readonly Descriptor[]): Promise<void> {
  const document = {
    schemaVersion: 2,
    mediaType: OCI_INDEX,
    manifests: manifests.map(descriptorToJson),
  };
  await writeFileAtomic(path, `${JSON.stringify(document)}\n`);
}

async function readBounded(path: string): Promise<Uint8Array | undefined> {
  try {
    await using file = await open(path, "r");
    const { size } = await file.stat();
    if (size > MAX_INDEX_FILE_BYTES) {
      throw new ErrDataLoss(
        `read index "${path}": got ${size} bytes, wanted at most ${MAX_INDEX_FILE_BYTES}`,
      );
    }
    return await file.readFile();
  } catch (cause) {
    if (isMissingFile(cause)) return undefined;
    throw diskError("read index", path, cause);
  }
}
