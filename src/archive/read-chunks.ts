import { createReadStream } from "node:fs";
import type { Provider } from "../content/store.ts";
import { algorithmOf, Digester } from "../digest/digest.ts";
import { diskError } from "../disk/disk-error.ts";
import { ErrDataLoss } from "../errors/classes.ts";
import type { Descriptor } from "../oci/descriptor.ts";

/** Bytes read at once: enough to hide the cost of a call, little beside what a process has anyway. */
const READ_BYTES = 256 * 1024;

/** The bytes of a file, each chunk a fresh one. Throws the classes of `diskError`. */
export async function* readFileChunks(path: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(path, { highWaterMark: READ_BYTES });
  } catch (cause) {
    throw diskError("read file", path, cause);
  }
}

/**
 * The bytes of a blob, each chunk a fresh one, verified on the way: a blob that is not what its descriptor says ends in
 * `ErrDataLoss` behind its last byte. Throws `ErrNotFound`.
 */
export async function* readBlobChunks(
  provider: Provider,
  { digest, size }: Pick<Descriptor, "digest" | "size">,
): AsyncGenerator<Uint8Array> {
  await using reader = await provider.readerAt({ digest });
  const digester = new Digester(algorithmOf(digest));
  let offset = 0;
  while (offset < reader.size) {
    const chunk = Buffer.allocUnsafe(Math.min(READ_BYTES, reader.size - offset));
    const count = await reader.readAt(chunk, offset);
    if (count === 0) break;
    offset += count;
    digester.update(chunk.subarray(0, count));
    yield chunk.subarray(0, count);
  }
  if (offset !== size) {
    throw new ErrDataLoss(`read blob ${digest}: got ${offset} bytes, want ${size}`, { digest });
  }
  const actual = digester.digest();
  if (actual !== digest) throw new ErrDataLoss(`read blob ${digest}: got digest ${actual}`, { digest });
}
