import type { AbortOptions } from "../async/abort.ts";
import type { Digest } from "../digest/digest.ts";
import { isNotFound } from "../errors/predicates.ts";
import type { InfoProvider } from "./store.ts";

/** Whether content is committed. Throws what `info` throws, except `ErrNotFound`. */
export async function exists(
  provider: InfoProvider,
  digest: Digest,
  options: AbortOptions = {},
): Promise<boolean> {
  try {
    await provider.info(digest, options);
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}
