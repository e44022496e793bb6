import type { AbortOptions } from "../async/abort.ts";
import { ErrAborted } from "../errors/classes.ts";
import type { Descriptor } from "../oci/descriptor.ts";

/** Does something with one descriptor and returns the descriptors below it (containerd `images.Handler`). */
export type Handler = (descriptor: Descriptor, options: AbortOptions) => Promise<readonly Descriptor[]>;

/** Thrown by a handler: do not go below this descriptor. A control value, compared by identity. */
export const ErrSkipDesc: Error = new ErrAborted("skip descriptor");

/** Thrown by a handler: the handlers behind it in `handlers` do not see this descriptor. A control value. */
export const ErrStopHandler: Error = new ErrAborted("stop handler");

/**
 * One handler out of several: each sees the descriptor in turn, the children of all are joined. `ErrStopHandler` ends the
 * turn and keeps the children so far; every other error is passed on and the children are dropped.
 */
export function handlers(...chain: readonly Handler[]): Handler {
  return async (descriptor, options) => {
    const children: Descriptor[] = [];
    for (const handler of chain) {
      try {
        children.push(...(await handler(descriptor, options)));
      } catch (error) {
        if (error === ErrStopHandler) break;
        throw error;
      }
    }
    return children;
  };
}
