import { type AbortOptions, throwIfAborted } from "../async/abort.ts";
import { readVerified } from "../content/read-verified.ts";
import type { Provider } from "../content/store.ts";
import { type Algorithm, algorithmOf, type Digest, Digester } from "../digest/digest.ts";
import { ErrDataLoss, ErrNotImplemented } from "../errors/classes.ts";
import { isDrayageError } from "../errors/drayage-error.ts";
import { messageOf } from "../errors/message-of.ts";
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

/**
 * The descriptor of a layer, once it has turned out to be what the config claims: by its own digest when it is not compressed,
 * as docker saves them, and by decompressing it otherwise. Throws `ErrDataLoss` when it is something else, and
 * `ErrNotImplemented` for a compression that no media type of a layer stands for.
 */
export type DescribeLayer = (layer: UnprovenLayer) => Promise<Descriptor>;

/** What a layer turned out to be. */
interface Content {
  readonly mediaType: string;
  readonly diffId: Digest;
}

const MEDIA_TYPES: Readonly<Record<Compression, string | undefined>> = {
  none: DOCKER_LAYER,
  gzip: DOCKER_LAYER_GZIP,
  zstd: DOCKER_LAYER_ZSTD,
  xz: undefined,
  bzip2: undefined,
};

/** Describes the layers of one archive. Each is decompressed once, however often the archive mentions it. */
export function layerDescriber(provider: Provider, options: AbortOptions = {}): DescribeLayer {
  const known = new Map<string, Content>();
  return async (layer) => {
    const { path, digest, size, diffId } = layer;
    if (digest === diffId) return { mediaType: DOCKER_LAYER, digest, size };
    const algorithm = algorithmOf(diffId);
    const key = `${algorithm} ${digest}`;
    const content = known.get(key) ?? (await readContent(provider, layer, { ...options, algorithm }));
    known.set(key, content);
    if (content.diffId === diffId) return { mediaType: content.mediaType, digest, size };
    throw new ErrDataLoss(`import layer ${path}: got diffID ${content.diffId}, wanted ${diffId}`, { digest });
  };
}

async function readContent(
  provider: Provider,
  { path, digest, size }: UnprovenLayer,
  { algorithm, signal }: AbortOptions & { readonly algorithm: Algorithm },
): Promise<Content> {
  const compression = await readCompression(provider, digest);
  const mediaType = MEDIA_TYPES[compression];
  if (mediaType === undefined) {
    throw new ErrNotImplemented(
      `import layer ${path}: compressed with ${compression}, which layers cannot be; compress it with gzip or zstd`,
      { digest },
    );
  }
  const digester = new Digester(algorithm);
  try {
    for await (const chunk of decompress(readVerified(provider, { digest, size }))) {
      throwIfAborted(signal);
      digester.update(chunk);
    }
  } catch (cause) {
    if (isDrayageError(cause)) throw cause;
    const reason = messageOf(cause);
    throw new ErrDataLoss(`import layer ${path}: cannot decompress: ${reason}`, { cause, digest });
  }
  return { mediaType, diffId: digester.digest() };
}

async function readCompression(provider: Provider, digest: Digest): Promise<Compression> {
  await using reader = await provider.readerAt({ digest });
  const head = new Uint8Array(HEAD_BYTES);
  const count = await reader.readAt(head, 0);
  return compressionOf(head.subarray(0, count));
}
