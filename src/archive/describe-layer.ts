import type { AbortOptions } from "../async/abort.ts";
import type { Provider } from "../content/store.ts";
import { type Algorithm, algorithmOf, type Digest } from "../digest/digest.ts";
import { ErrDataLoss } from "../errors/classes.ts";
import type { Compression } from "../layer/decompress/compression.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { DOCKER_LAYER, DOCKER_LAYER_GZIP, DOCKER_LAYER_ZSTD } from "../oci/media-types.ts";
import type { StoredFile } from "./ingest.ts";
import { notOfLayers, readCompression, readLayer } from "./read-layer.ts";

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
  const compression = await readCompression(provider, { digest, size });
  const mediaType = MEDIA_TYPES[compression];
  const action = `import layer ${path}`;
  if (mediaType === undefined) throw notOfLayers(compression, { action, digest });
  const { diffId } = await readLayer(provider, { digest, size }, { action, algorithm, signal });
  return { mediaType, diffId };
}
