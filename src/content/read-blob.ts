import { type AbortOptions, throwIfAborted } from "../async/abort.ts";
import { algorithmOf, digestOf } from "../digest/digest.ts";
import { ErrDataLoss, ErrFailedPrecondition } from "../errors/classes.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Provider } from "./store.ts";

/** Largest blob that `readBlob` takes into memory by default, in bytes: twice the largest manifest that registries accept. */
const DEFAULT_MAX_BYTES = 8 * 1024 * 1024;

/** How a blob is read. */
export interface ReadBlobOptions extends AbortOptions {
  /**
   * Refuses larger blobs, since all of it is held in memory.
   * @defaultValue 8,388,608
   * @avoid for layers: `readerAt` reads them in pieces
   * @example maxBytes: 1_048_576
   */
  readonly maxBytes?: number | undefined;
}

/**
 * Reads a small blob whole and verifies it. What the descriptor itself holds is taken instead when size and digest
 * are right (as in containerd), wherever the blob may be. Throws `ErrNotFound`, `ErrFailedPrecondition` when it is
 * larger than allowed (nothing is read then), or `ErrDataLoss` when size or digest are not the descriptor's.
 */
export async function readBlob(
  provider: Provider,
  { digest, size, data }: Pick<Descriptor, "digest" | "size" | "data">,
  { maxBytes = DEFAULT_MAX_BYTES, signal }: ReadBlobOptions = {},
): Promise<Uint8Array> {
  if (size > maxBytes) {
    const sizes = `got ${size} bytes, want at most ${maxBytes}`;
    throw new ErrFailedPrecondition(`read blob ${digest}: ${sizes}`, { digest });
  }
  const held = data === undefined ? undefined : Buffer.from(data, "base64");
  if (held?.byteLength === size && digestOf(held, algorithmOf(digest)) === digest) return held;
  const reader = await provider.readerAt({ digest, size }, { signal });
  try {
    throwIfAborted(signal);
    const sizes = `got ${reader.size} bytes, want ${size}`;
    if (reader.size !== size) throw new ErrDataLoss(`read blob ${digest}: ${sizes}`, { digest });
    const bytes = new Uint8Array(size);
    const count = await reader.readAt(bytes, 0);
    if (count !== size) {
      throw new ErrDataLoss(`read blob ${digest}: got ${count} bytes, want ${size}`, { digest });
    }
    const actual = digestOf(bytes, algorithmOf(digest));
    if (actual !== digest) throw new ErrDataLoss(`read blob ${digest}: got digest ${actual}`, { digest });
    return bytes;
  } finally {
    await reader.close();
  }
}
