import type { AbortOptions } from "../async/abort.ts";
import type { Digest } from "../digest/digest.ts";
import { type BlobReference, type InfoProvider, isSizeProvider } from "./store.ts";
import { unlessNotFound } from "./unless-not-found.ts";

/**
 * Whether content is committed and, for a reference with a size (a descriptor has one), is as long as it should be: a blob
 * that was cut behind our backs is not there. Throws what `info` throws, except `ErrNotFound`.
 */
export async function exists(
  provider: InfoProvider,
  reference: Digest | BlobReference,
  options: AbortOptions = {},
): Promise<boolean> {
  const { digest, size } = typeof reference === "string" ? { digest: reference, size: undefined } : reference;
  const found = await committedSize(provider, digest, options);
  return found !== undefined && (size === undefined || size === found);
}

/** Size in bytes of committed content; `undefined` when there is none. Throws what `info` throws, except `ErrNotFound`. */
export async function committedSize(
  provider: InfoProvider,
  digest: Digest,
  options: AbortOptions = {},
): Promise<number | undefined> {
  if (isSizeProvider(provider)) return await provider.sizeOf(digest, options);
  return (await unlessNotFound(provider.info(digest, options)))?.size;
}
