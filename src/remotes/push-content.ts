import type { AbortOptions } from "../async/abort.ts";
import { allOrAbort } from "../async/all-or-abort.ts";
import type { Waiter } from "../async/waiting.ts";
import type { InfoProvider, Provider } from "../content/store.ts";
import { ErrNotFound } from "../errors/classes.ts";
import { isNotFound } from "../errors/predicates.ts";
import { childrenHandler } from "../images/children.ts";
import { type Handler, handlers } from "../images/handler.ts";
import { walk } from "../images/walk.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { isIndexType, isManifestType } from "../oci/media-types.ts";
import type { PushContentOptions, Pusher } from "./pusher.ts";

/** What a push works with. */
export interface PushContentContext {
  readonly pusher: Pusher;
  readonly content: Provider & InfoProvider;
  /** Moves the blobs; default: each by `pusher`, all at once. */
  readonly pushBlobs?:
    | ((blobs: readonly Descriptor[], signal: AbortSignal | undefined) => Promise<void>)
    | undefined;
  /** Waits between attempts at one document. Default: one that shows nothing. */
  readonly waiterOf?: ((document: Descriptor, signal: AbortSignal | undefined) => Waiter) | undefined;
  /** Tag that `root` gets in the end; without it, `root` is put by digest. */
  readonly tag?: string | undefined;
}

/** Everything below a descriptor, by the order in which a registry must get it. */
interface PushPlan {
  readonly blobs: readonly Descriptor[];
  readonly manifests: readonly Descriptor[];
  /** Parents before children. */
  readonly indexes: readonly Descriptor[];
}

/**
 * Pushes a whole graph so that no document ever points at something missing: blobs, then manifests, then indexes from the
 * bottom up, `root` under its tag at the very end (containerd `remotes.PushContent`). Throws `ErrNotFound` before anything is
 * sent when content of the graph is not in the store.
 */
export async function pushContent(
  root: Descriptor,
  context: PushContentContext,
  { signal }: AbortOptions = {},
): Promise<void> {
  const { pusher, content, tag } = context;
  const plan = await planPush(root, content, { signal });
  const put = (document: Descriptor, options: PushContentOptions): Promise<unknown> =>
    pusher.push(document, content, { ...options, waiter: context.waiterOf?.(document, options.signal) });
  const pushEach = (descriptors: readonly Descriptor[]): Promise<unknown> =>
    allOrAbort(
      descriptors.map((descriptor) => (abort: AbortSignal) => put(descriptor, { signal: abort })),
      { signal },
    );

  await (context.pushBlobs ?? pushEach)(plan.blobs, signal);
  await pushEach(plan.manifests.filter(({ digest }) => digest !== root.digest));
  for (const index of plan.indexes.toReversed()) {
    if (index.digest !== root.digest) await put(index, { signal });
  }
  await put(root, { signal, tag });
}

async function planPush(
  root: Descriptor,
  content: Provider & InfoProvider,
  options: AbortOptions,
): Promise<PushPlan> {
  const blobs: Descriptor[] = [];
  const manifests: Descriptor[] = [];
  const indexes: Descriptor[] = [];
  const children = childrenHandler(content);
  const sort: Handler = async (descriptor) => {
    const list = isIndexType(descriptor.mediaType)
      ? indexes
      : isManifestType(descriptor.mediaType)
        ? manifests
        : blobs;
    list.push(descriptor);
    return [];
  };
  await walk(handlers(presenceHandler(content), sort, children), [root], options);
  return { blobs, manifests, indexes };
}

/**
 * A handler that refuses what is not in the store, with advice, and has no children. Throws `ErrNotFound`, and the errors of
 * `info`.
 */
export function presenceHandler(content: InfoProvider): Handler {
  return async ({ digest, platform }, options) => {
    try {
      await content.info(digest, options);
      return [];
    } catch (cause) {
      if (!isNotFound(cause)) throw cause;
      const what = platform ? `content for ${platform.os}/${platform.architecture}` : "content";
      const hint = "pull it for all platforms, or push one platform";
      throw new ErrNotFound(`push ${digest}: ${what} is not in the store; ${hint}`, { cause, digest });
    }
  };
}
