import { type AbortOptions, throwIfAborted } from "../async/abort.ts";
import { readVerified } from "../content/read-verified.ts";
import type { Provider } from "../content/store.ts";
import { algorithmOf, type Digest, Digester } from "../digest/digest.ts";
import { ErrDataLoss } from "../errors/classes.ts";
import { isDrayageError } from "../errors/drayage-error.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { DOCKER_LAYER, DOCKER_LAYER_GZIP, DOCKER_LAYER_ZSTD } from "../oci/media-types.ts";
import { type Compression, compressionOf, decompress, HEAD_BYTES } from "./decompress.ts";
import type { StoredFile } from "./ingest.ts";

/** A layer of a `docker save`, in the store. */
export interface UnprovenLayer extends StoredFile {
  /** Where it was found, for messages. */
  readonly path: string;
  /** Digest that the config claims for the uncompressed layer. */
  readonly diffId: Digest;
}

const MEDIA_TYPES: Readonly<Record<Compression, string>> = {
  none: DOCKER_LAYER,
  gzip: DOCKER_LAYER_GZIP,
  zstd: DOCKER_LAYER_ZSTD,
};

/**
 * The descriptor of a layer, once it has turned out to be what the config claims: by its own digest when it is not compressed,
 * as docker saves them, and by decompressing it otherwise. Throws `ErrDataLoss` when it is something else.
 */
export async function describeLayer(
  provider: Provider,
  { path, digest, size, diffId }: UnprovenLayer,
  { signal }: AbortOptions = {},
): Promise<Descriptor> {
  if (digest === diffId) return { mediaType: DOCKER_LAYER, digest, size };
  const digester = new Digester(algorithmOf(diffId));
  try {
    for await (const chunk of decompress(readVerified(provider, { digest, size }))) {
      throwIfAborted(signal);
      digester.update(chunk);
    }
  } catch (cause) {
    if (isDrayageError(cause)) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ErrDataLoss(`import layer ${path}: cannot decompress: ${reason}`, { cause, digest });
  }
  const actual = digester.digest();
  if (actual === diffId)
    return { mediaType: MEDIA_TYPES[await readCompression(provider, digest)], digest, size };
  throw new ErrDataLoss(`import layer ${path}: got diffID ${actual}, wanted ${diffId}`, { digest });
}

async function readCompression(provider: Provider, digest: Digest): Promise<Compression> {
  await using reader = await provider.readerAt({ digest });
  const head = new Uint8Array(HEAD_BYTES);
  const count = await reader.readAt(head, 0);
  return compressionOf(head.subarray(0, count));
}
