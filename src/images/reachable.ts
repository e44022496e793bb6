import type { AbortOptions } from "../async/abort.ts";
import type { InfoProvider, Provider } from "../content/store.ts";
import type { Digest } from "../digest/digest.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { childrenHandler } from "./children.ts";
import { ErrSkipDesc, type Handler } from "./handler.ts";
import { isUnreadable } from "./unless-unreadable.ts";
import { walk } from "./walk.ts";

/**
 * The content of the store that `targets` need, by digest with its size in bytes: the targets themselves and
 * everything below them. What is not in the store (other platforms of an index, an unfinished pull) is left
 * out, and so is what only a damaged document could tell of.
 */
export async function reachableContent(
  content: Provider & InfoProvider,
  targets: readonly Descriptor[],
  options: AbortOptions = {},
): Promise<ReadonlyMap<Digest, number>> {
  const found = new Map<Digest, number>();
  const children = childrenHandler(content);
  const visit: Handler = async (descriptor, abort) => {
    try {
      const { size } = await content.info(descriptor.digest, abort);
      found.set(descriptor.digest, size);
      return await children(descriptor, abort);
    } catch (error) {
      if (isUnreadable(error)) throw ErrSkipDesc;
      throw error;
    }
  };
  for (const target of targets) {
    try {
      await walk(visit, [target], options);
    } catch (error) {
      if (!isUnreadable(error)) throw error; // a graph without end counts as far as it was walked
    }
  }
  return found;
}
