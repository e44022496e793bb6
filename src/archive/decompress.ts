import { compressionOf, HEAD_BYTES } from "../layer/decompress/compression.ts";
import { decompress as decompressLayer } from "../layer/decompress/decompress.ts";
import { decompressByProgram } from "./decompress-by-program.ts";
import { peek } from "./peek.ts";

/**
 * `source` without the compression around it, if there is one: gzip and zstd as layers are decompressed, all members and frames of
 * them, xz and bzip2 by the programs of those names. A chunk of the source must stay as it is once it was given. Throws what the
 * source throws, as `decompress` of layers does, and what `decompressByProgram` throws.
 */
export async function* decompress(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const { head, whole } = await peek(source, HEAD_BYTES);
  const compression = compressionOf(head);
  if (compression === "none") yield* whole;
  else if (compression === "xz" || compression === "bzip2") yield* decompressByProgram(compression, whole);
  else yield* decompressLayer(whole, { isSync: false }); // in threads of Node's own, because this one is the caller's
}
