import type { AbortOptions } from "../async/abort.ts";
import type { Digest } from "../digest/digest.ts";
import type { InfoProvider } from "./store.ts";
import { unlessNotFound } from "./unless-not-found.ts";

/** Whether content is committed. Throws what `info` throws, except `ErrNotFound`. */
export async function exists(
  provider: InfoProvider,
  digest: Digest,
  options: AbortOptions = {},
): Promise<boolean> {
  return (await unlessNotFound(provider.info(digest, options))) !== undefined;
}
