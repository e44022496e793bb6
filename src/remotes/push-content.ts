import type { AbortOptions } from "../async/abort.ts";
import { allOrAbort } from "../async/all-or-abort.ts";
import type { Waiter } from "../async/waiting.ts";
import type { InfoProvider, Provider } from "../content/store.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type PushPlan, planPush } from "./push-plan.ts";
import type { PushContentOptions, Pusher } from "./pusher.ts";

/** What a push works with. */
export interface PushContentContext {
  readonly pusher: Pusher;
  readonly content: Provider & InfoProvider;
  /** Moves the blobs; default: each by `pusher`, all at once. */
  readonly pushBlobs?:
    | ((blobs: readonly Descriptor[], signal: AbortSignal | undefined) => Promise<void>)
    | undefined;
  /** Told what is pushed, before anything is sent. */
  readonly onPlan?: ((plan: PushPlan) => void) | undefined;
  /** Waits between attempts at one document. Default: one that shows nothing. */
  readonly waiterOf?: ((document: Descriptor, signal: AbortSignal | undefined) => Waiter) | undefined;
  /** Whether layers need not be in the store, because the registry may have them. Default false. */
  readonly mayLackLayers?: boolean | undefined;
  /** Tag that `root` gets in the end; without it, `root` is put by digest. */
  readonly tag?: string | undefined;
}

/**
 * Pushes a whole graph so that no document ever points at something missing: blobs, then manifests, then indexes from
 * the bottom up, a subject before what refers to it, `root` under its tag at the very end (containerd
 * `remotes.PushContent`). Throws `ErrNotFound` before anything is sent when content of the graph is not in the store.
 */
export async function pushContent(
  root: Descriptor,
  context: PushContentContext,
  { signal }: AbortOptions = {},
): Promise<void> {
  const { pusher, content, tag } = context;
  const plan = await planPush(root, content, { signal, mayLackLayers: context.mayLackLayers });
  context.onPlan?.(plan);
  const put = (document: Descriptor, options: PushContentOptions): Promise<unknown> =>
    pusher.push(document, content, { ...options, waiter: context.waiterOf?.(document, options.signal) });
  const pushEach = (descriptors: readonly Descriptor[]): Promise<unknown> =>
    allOrAbort(
      descriptors.map((descriptor) => (abort: AbortSignal) => put(descriptor, { signal: abort })),
      { signal },
    );

  await (context.pushBlobs ?? pushEach)(plan.blobs, signal);
  for (const round of plan.rounds) await pushEach(round.filter(({ digest }) => digest !== root.digest));
  await put(root, { signal, tag });
}
