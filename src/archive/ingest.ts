import { randomUUID } from "node:crypto";
import { type AbortOptions, throwIfAborted } from "../async/abort.ts";
import { openWriter } from "../content/open-writer.ts";
import type { Store, Writer } from "../content/store.ts";
import { unlessExists } from "../content/unless-exists.ts";
import type { Digest } from "../digest/digest.ts";
import { ErrDataLoss, ErrInternal } from "../errors/classes.ts";

/** One file on its way into the store. */
export interface IncomingFile {
  /** Where it was found, for messages. */
  readonly path: string;
  /** The digest that it has to have; absent: whatever it has. */
  readonly digest?: Digest | undefined;
  /** Size in bytes that it has to have. */
  readonly size: number;
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** A file that is content of the store. */
export interface StoredFile {
  readonly digest: Digest;
  /** Size in bytes. */
  readonly size: number;
}

/**
 * Streams a file into the store and commits it; leaves its chunks alone when its digest is known and there. It begins at the
 * first byte whatever an import that was killed has left, and a failure leaves nothing behind: unlike a registry, an archive
 * costs nothing to read again, and a wrong one must not spoil a right one. Throws `ErrDataLoss` for a wrong size or digest
 * (`ErrFailedPrecondition` from a store that can tell only at commit), and what the chunks throw.
 */
export async function ingest(
  content: Store,
  file: IncomingFile,
  { signal }: AbortOptions = {},
): Promise<Digest> {
  const { path, digest: expected, size } = file;
  const ref = `archive-${expected ?? randomUUID()}`;
  const writer = await unlessExists(openWriter(content, { ref, size, expected, signal }));
  if (writer === undefined) return known(expected, path);
  try {
    await writer.truncate(0);
    await writeAll(writer, file, { signal });
    const actual = writer.digest() ?? expected;
    if (expected !== undefined && actual !== expected) {
      throw new ErrDataLoss(`import ${path}: got digest ${actual}`, { digest: expected });
    }
    return (await unlessExists(writer.commit({ size, expected }))) ?? known(actual, path);
  } catch (error) {
    await content.abort(ref).catch(() => {}); // first, while nobody else can have the ref; the error above is the one to tell
    await writer.close().catch(() => {});
    throw error;
  }
}

async function writeAll(writer: Writer, { path, size, chunks }: IncomingFile, { signal }: AbortOptions) {
  let written = 0;
  for await (const chunk of chunks) {
    throwIfAborted(signal);
    written += chunk.byteLength;
    if (written > size) break;
    await writer.write(chunk);
  }
  if (written !== size) {
    const got = written > size ? "more" : String(written);
    throw new ErrDataLoss(`import ${path}: got ${got} bytes, want ${size}`);
  }
}

function known(digest: Digest | undefined, path: string): Digest {
  if (digest === undefined)
    throw new ErrInternal(`import ${path}: exists already, but the store does not say as what`);
  return digest;
}
