import { type AbortOptions, throwIfAborted } from "../async/abort.ts";
import { algorithmOf, Digester } from "../digest/digest.ts";
import { ErrDataLoss } from "../errors/classes.ts";
import type { BlobReference, Provider } from "./store.ts";

/** Bytes read at once: enough to hide the cost of a call, little beside what a process has anyway. */
const READ_BYTES = 256 * 1024;

/**
 * The bytes of a blob, each chunk a fresh one, verified on the way: a blob that is not what the reference says ends in
 * `ErrDataLoss` behind its last byte, or at once when it has another size. Throws `ErrNotFound` and the abort error.
 */
export async function* readVerified(
  provider: Provider,
  reference: BlobReference,
  { signal }: AbortOptions = {},
): AsyncGenerator<Uint8Array> {
  const { digest } = reference;
  await using reader = await provider.readerAt(reference, { signal });
  const { size = reader.size } = reference;
  const digester = new Digester(algorithmOf(digest));
  let offset = 0;
  while (offset < reader.size) {
    throwIfAborted(signal);
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
