import type { Descriptor } from "../../oci/descriptor.ts";
import type { TransferTrace } from "../../progress/tracing.ts";
import { type FetchContext, fetchContent } from "../../remotes/fetch.ts";
import { noteBytes, tracedTransfer } from "../operations/traced-transfer.ts";

/** `fetchContent`, told to those who listen to transfers. */
export function tracedFetch(descriptor: Descriptor, context: FetchContext): Promise<boolean> {
  const { endpoint } = context;
  return tracedTransfer(descriptor, { direction: "down", endpoint }, (trace) =>
    fetchContent(descriptor, trace ? watched(context, trace) : context),
  );
}

function watched(context: FetchContext, trace: TransferTrace): FetchContext {
  return {
    ...context,
    onBytes(bytes) {
      noteBytes(trace, bytes);
      context.onBytes?.(bytes);
    },
    onVerify() {
      trace.receivedAtMs = performance.now();
      context.onVerify?.();
    },
  };
}
