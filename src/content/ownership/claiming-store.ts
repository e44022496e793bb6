import type { AbortOptions } from "../../async/abort.ts";
import type { Digest } from "../../digest/digest.ts";
import { checkedMethods } from "../checked-store.ts";
import { isSizeProvider, type Store, type Writer } from "../store.ts";
import type { ContentOwner } from "./content-owner.ts";
import { replaceMethods } from "./replace-methods.ts";

/**
 * `store`, whose content `owner` looks after and which does not know that: whoever asks for a blob, or writes
 * it, claims it first. Listings claim nothing. Everything else is as in `store`, which stays the caller's to
 * close.
 */
export function claimingStore<S extends Store>(store: S, owner: ContentOwner): S {
  const claims: Pick<Store, "info" | "readerAt" | "writer"> = {
    async info(digest, options) {
      await owner.claim(digest, options);
      return await store.info(digest, options);
    },
    async readerAt(reference, options) {
      await owner.claim(reference.digest, options);
      return await store.readerAt(reference, options);
    },
    async writer(options) {
      if (options.expected !== undefined) await owner.claim(options.expected, options);
      return claimingWriter(await store.writer(options), owner);
    },
  };
  const sized = isSizeProvider(store) && {
    async sizeOf(digest: Digest, options?: AbortOptions): Promise<number | undefined> {
      await owner.claim(digest, options);
      return await store.sizeOf(digest, options);
    },
  };
  return replaceMethods(store, { ...checkedMethods(claims), ...sized });
}

/** What is committed may be there already, and be found so only then. */
function claimingWriter(writer: Writer, owner: ContentOwner): Writer {
  const commit: Writer["commit"] = async (options = {}) => {
    const digest: Digest | undefined = options.expected ?? writer.digest();
    if (digest !== undefined) await owner.claim(digest);
    return await writer.commit(options);
  };
  return replaceMethods(writer, { commit });
}
