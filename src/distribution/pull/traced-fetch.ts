import type { Descriptor } from "../../oci/descriptor.ts";
import type { TransferTrace } from "../../progress/tracing.ts";
import { type FetchContext, fetchContent } from "../../remotes/fetch.ts";
import type { HookedTransfers, OneTransfer } from "../operations/hooked-transfers.ts";
import { noteBytes, tracedTransfer } from "../operations/traced-transfer.ts";

/** How a fetch is surrounded. */
export interface TracedFetchContext extends FetchContext {
  /** What the engine calls around it. */
  readonly transfers: HookedTransfers;
}

/** `fetchContent`, told to those who listen to transfers, with the hooks of the engine around it. */
export function tracedFetch(
  descriptor: Descriptor,
  { transfers, ...context }: TracedFetchContext,
): Promise<boolean> {
  const { endpoint } = context;
  const where = { direction: "down", endpoint } as const;
  const { digest, mediaType, size } = descriptor;
  return tracedTransfer(descriptor, where, (trace) =>
    transfers.run({ digest, mediaType, size, ...where }, context, (one) => {
      const hooked = { ...context, fetcher: one.fetching(context.fetcher), onBytes: counting(one, context) };
      return fetchContent(descriptor, trace ? watched(hooked, trace) : hooked);
    }),
  );
}

/** Tells how many bytes there are, to the transfer and to whoever wanted to know. */
export function counting(
  one: OneTransfer,
  { onBytes }: Pick<FetchContext, "onBytes">,
): (bytes: number) => void {
  return (bytes) => {
    one.bytes = bytes;
    onBytes?.(bytes);
  };
}

function watched(context: FetchContext, trace: TransferTrace): FetchContext {
  let before: number | undefined;
  return {
    ...context,
    times: trace,
    onBytes(bytes) {
      before ??= bytes; // it is told at once where it goes on
      noteBytes(trace, bytes, before);
      context.onBytes?.(bytes);
    },
    onVerify() {
      trace.receivedAtMs = performance.now();
      context.onVerify?.();
    },
  };
}
