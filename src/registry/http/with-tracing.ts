import { redactUrl } from "../../errors/redact-url.ts";
import { TRACES, traced } from "../../progress/tracing.ts";
import type { Send } from "./send.ts";

/** `send`, each request of which is told on the channel `drayage:request`, if somebody listens there. */
export function withTracing(send: Send): Send {
  return (request) =>
    traced(TRACES.request, {
      contextOf: (startedAtMs) => ({ startedAtMs, method: request.method, url: redactUrl(request.url) }),
      shown: ({ status }) => ({ status }),
      work: (trace) => {
        if (!trace) return send(request);
        const onConnected = (): void => {
          trace.connectedAtMs = performance.now();
          request.onConnected?.();
        };
        return send({ ...request, onConnected });
      },
    });
}
