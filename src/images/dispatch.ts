import { type AbortOptions, throwIfAborted } from "../async/abort.ts";
import { allOrAbort } from "../async/all-or-abort.ts";
import type { Limiter } from "../async/semaphore.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { GraphGuard, type Visit } from "./graph-guard.ts";
import type { Handler } from "./handler.ts";
import { childrenOrSkip } from "./walk.ts";

/** How a dispatch runs. */
export interface DispatchOptions extends AbortOptions {
  /**
   * Bounds how many handlers run at once.
   * @defaultValue all do
   * @example limiter: { acquire: async () => () => {} }
   */
  readonly limiter?: Limiter | undefined;
}

/**
 * Visits the graph with siblings side by side (containerd `images.Dispatch`). The permit of the limiter covers one
 * handler call and is given back before the children start, so that a deep tree cannot block itself. The first error
 * aborts the signal of all others and is thrown once every handler has ended. Same bounds and errors as `walk`.
 */
export async function dispatch(
  handler: Handler,
  descriptors: readonly Descriptor[],
  { limiter, signal: outer }: DispatchOptions = {},
): Promise<void> {
  const guard = new GraphGuard();
  const visitAll = async (visits: readonly Visit[], signal: AbortSignal | undefined): Promise<void> => {
    const tasks = visits.map((next) => async (siblings: AbortSignal) => {
      const children = await handle(next.descriptor, siblings);
      await visitAll(guard.enter(children, next), siblings);
    });
    await allOrAbort(tasks, { signal });
  };
  const handle = async (descriptor: Descriptor, signal: AbortSignal): Promise<readonly Descriptor[]> => {
    const release = await limiter?.acquire({ signal });
    try {
      throwIfAborted(signal);
      return await childrenOrSkip(handler, descriptor, { signal });
    } finally {
      release?.();
    }
  };
  await visitAll(guard.enter(descriptors), outer);
}
