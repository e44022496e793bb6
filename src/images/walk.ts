import { type AbortOptions, throwIfAborted } from "../async/abort.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { GraphGuard, type Visit } from "./graph-guard.ts";
import { ErrSkipDesc, type Handler } from "./handler.ts";

/**
 * Visits the graph depth first, one descriptor at a time, parents before children (containerd `images.Walk`). The
 * first error of a handler ends the walk; `ErrSkipDesc` only leaves out what is below. Throws `ErrInvalidArgument` for a
 * graph that is cyclic, too deep or too large.
 */
export async function walk(
  handler: Handler,
  descriptors: readonly Descriptor[],
  options: AbortOptions = {},
): Promise<void> {
  const guard = new GraphGuard();
  const visit = async (visits: readonly Visit[]): Promise<void> => {
    for (const next of visits) {
      throwIfAborted(options.signal);
      const children = await childrenOrSkip(handler, next.descriptor, options);
      await visit(guard.enter(children, next));
    }
  };
  await visit(guard.enter(descriptors));
}

/** The children that `handler` gives, none where it says `ErrSkipDesc`. */
export async function childrenOrSkip(
  handler: Handler,
  descriptor: Descriptor,
  options: AbortOptions,
): Promise<readonly Descriptor[]> {
  try {
    return await handler(descriptor, options);
  } catch (error) {
    if (error === ErrSkipDesc) return [];
    throw error;
  }
}
