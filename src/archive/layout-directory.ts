import { join } from "node:path";
import { unlessNotFound } from "../content/unless-not-found.ts";
import { openRegularFile } from "../disk/open-regular-file.ts";
import { ErrInvalidArgument } from "../errors/classes.ts";
import { isNotFound } from "../errors/predicates.ts";
import { childrenHandler } from "../images/children.ts";
import { ErrSkipDesc, type Handler } from "../images/handler.ts";
import { walk } from "../images/walk.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { blobPathOf } from "./archive-path.ts";
import { type IntakeContext, takeIn } from "./intake.ts";
import { readHandleChunks } from "./read-chunks.ts";
import { type LayoutIndex, readLayoutIndex } from "./read-layout-index.ts";
import { MAX_DOCUMENT_BYTES } from "./unpack-archive.ts";

/** What the OCI layout in a directory lists. Throws `ErrNotFound` for a directory that is none. */
export async function readLayoutDirectory(root: string): Promise<LayoutIndex> {
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
    await takeBlob(join(root, blobPathOf(descriptor.digest)), descriptor, context);
    try {
      return await children(descriptor, options);
    } catch (error) {
      if (isNotFound(error)) throw ErrSkipDesc;
      throw error;
    }
  };
  await walk(visit, [target], context);
}

/** Takes a blob in if the layout has it. */
async function takeBlob(path: string, descriptor: Descriptor, context: IntakeContext): Promise<void> {
  const file = await unlessNotFound(openRegularFile("read layout", path));
  if (file === undefined) return;
  await using handle = file.handle;
  await takeIn({ ...descriptor, path, chunks: readHandleChunks(handle, path) }, context);
}

async function readDocument(path: string): Promise<Uint8Array> {
  const { handle: file, size } = await openRegularFile("read layout", path);
  await using handle = file;
  if (size > MAX_DOCUMENT_BYTES) {
    throw new ErrInvalidArgument(`read "${path}": got ${size} bytes, wanted at most ${MAX_DOCUMENT_BYTES}`);
  }
  const bytes = Buffer.alloc(size);
  let length = 0;
  for await (const chunk of readHandleChunks(handle, path)) {
    if (length + chunk.byteLength > size) break; // it grows while it is read: what it was at first counts
    bytes.set(chunk, length);
    length += chunk.byteLength;
  }
  return bytes.subarray(0, length);
}
