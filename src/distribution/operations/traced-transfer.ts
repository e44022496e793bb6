import { traced } from "../../async/traced.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { TRACES, type TransferTrace } from "../../progress/tracing.ts";

/** Does one attempt at moving a content, told on the channel `drayage:transfer`; `work` is given the trace, if somebody listens. */
export function tracedTransfer<T>(
  { digest, mediaType, size }: Descriptor,
  where: Pick<TransferTrace, "direction" | "endpoint">,
  work: (trace: TransferTrace | undefined) => Promise<T>,
): Promise<T> {
  const contextOf = (startedAtMs: number): TransferTrace => ({
    startedAtMs,
    digest,
    mediaType,
    size,
    ...where,
    bytes: 0,
  });
  return traced(TRACES.transfer, { contextOf, work });
}

/** There are so many bytes of the whole by now, and there were so many before the attempt. */
export function noteBytes(trace: TransferTrace, bytes: number, before: number): void {
  if (bytes > before) trace.firstByteAtMs ??= performance.now();
  trace.bytes = bytes;
}
