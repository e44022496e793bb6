import type { AbortOptions } from "../../async/abort.ts";
import { readBlob } from "../../content/read-blob.ts";
import type { Provider } from "../../content/store.ts";
import type { Digest } from "../../digest/digest.ts";
import { isDrayageError } from "../../errors/drayage-error.ts";
import { isCanceled, isDeadlineExceeded } from "../../errors/predicates.ts";
import { chainIds } from "../../oci/chain-id.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { isConfigType } from "../../oci/media-types.ts";
import { MAX_CONFIG_BYTES, parseImageConfig } from "../../oci/parse-image-config.ts";

/** Where blobs and unpacked layers are looked for. */
export interface NeededLayersParts {
  readonly content: Provider;
  /** Whether a layer is unpacked, by its chain ID. */
  readonly isUnpacked: (chainId: Digest) => Promise<boolean>;
}

/**
 * What a name that can do without blobs of layers needs of a manifest's children all the same: the config, and the layers that are not
 * unpacked. All of them where the config does not tell. Throws what `isUnpacked` throws, and the abort error.
 */
export async function withoutUnpacked(
  children: readonly Descriptor[],
  { content, isUnpacked }: NeededLayersParts,
  options: AbortOptions,
): Promise<readonly Descriptor[]> {
  const [config, ...layers] = children;
  if (!config) return children;
  const chain = chainIds(await diffIdsOf(config, content, options));
  const needed: Descriptor[] = [config];
  for (const [at, layer] of layers.entries()) {
    const chainId = chain.length === layers.length ? chain[at] : undefined;
    if (!chainId || !(await isUnpacked(chainId))) needed.push(layer);
  }
  return needed;
}

async function diffIdsOf(
  config: Descriptor,
  content: Provider,
  options: AbortOptions,
): Promise<readonly Digest[]> {
  if (!isConfigType(config.mediaType)) return [];
  try {
    const bytes = await readBlob(content, config, { ...options, maxBytes: MAX_CONFIG_BYTES });
    return parseImageConfig(bytes).diffIds;
  } catch (error) {
    if (!isDrayageError(error) || isCanceled(error) || isDeadlineExceeded(error)) throw error;
    return []; // it is missing or damaged, which is found by itself
  }
}
