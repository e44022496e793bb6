import { type Digest, digestOf } from "../digest/digest.ts";

/**
 * Name of a layer together with everything below it (OCI image-spec, config.md "Layer ChainID"): the diffID itself for the
 * lowest layer, otherwise the sha256 of "<parent chain ID> <diffID>".
 */
export function chainId(parent: Digest | undefined, diffId: Digest): Digest {
  return parent === undefined ? diffId : digestOf(`${parent} ${diffId}`);
}

/** Chain IDs of the layers with these diffIDs, bottom to top. */
export function chainIds(diffIds: readonly Digest[]): Digest[] {
  const chain: Digest[] = [];
  for (const diffId of diffIds) chain.push(chainId(chain.at(-1), diffId));
  return chain;
}
