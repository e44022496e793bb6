import { open, stat } from "node:fs/promises";
import { join } from "node:path";
import { diskError, isMissingFile } from "../disk/disk-error.ts";
import { ErrInvalidArgument } from "../errors/classes.ts";
import { isNotFound } from "../errors/predicates.ts";
import { childrenHandler } from "../images/children.ts";
import { ErrSkipDesc, type Handler } from "../images/handler.ts";
import { walk } from "../images/walk.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { blobPathOf } from "./archive-path.ts";
import type { FoundImage } from "./found-image.ts";
import { type IntakeContext, takeIn } from "./intake.ts";
import { readFileChunks } from "./read-chunks.ts";
import { readLayoutIndex } from "./read-layout-index.ts";
import { MAX_DOCUMENT_BYTES } from "./unpack-archive.ts";

/** The images that the OCI layout in a directory lists. Throws `ErrNotFound` for a directory that is none. */
export async function readLayoutDirectory(root: string): Promise<readonly FoundImage[]> {
  const marker = await readDocument(join(root, "oci-layout"));
  return readLayoutIndex(marker, await readDocument(join(root, "index.json")));
}

/**
 * Copies what `target` needs out of a layout directory, every byte verified. What the directory does not have is left out:
 * whether it is needed is for others to say.
 */
export async function copyFromLayout(
  root: string,
  target: Descriptor,
  context: IntakeContext,
): Promise<void> {
  const children = childrenHandler(context.content);
  const visit: Handler = async (descriptor, options) => {
    const path = join(root, blobPathOf(descriptor.digest));
    if (await isFile(path)) await takeIn({ ...descriptor, path, chunks: readFileChunks(path) }, context);
    try {
      return await children(descriptor, options);
    } catch (error) {
      if (isNotFound(error)) throw ErrSkipDesc;
      throw error;
    }
  };
  await walk(visit, [target], context);
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch (cause) {
    if (isMissingFile(cause)) return false;
    throw diskError("read layout", path, cause);
  }
}

async function readDocument(path: string): Promise<Uint8Array> {
  try {
    await using file = await open(path, "r");
    const { size } = await file.stat();
    if (size > MAX_DOCUMENT_BYTES) {
      throw new ErrInvalidArgument(`read "${path}": got ${size} bytes, wanted at most ${MAX_DOCUMENT_BYTES}`);
    }
    return await file.readFile();
  } catch (cause) {
    throw diskError("read layout", path, cause);
  }
}
