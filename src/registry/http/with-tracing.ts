import { traced } from "../../async/traced.ts";
import { redactUrl } from "../../errors/redact-url.ts";
import { type ConnectionSteps, TRACES } from "../../progress/tracing.ts";
import type { Send } from "./send.ts";

/** `send`, each request of which is told on the channel `drayage:request`, if somebody listens there. */
export function withTracing(send: Send): Send {
  return (request) =>
    traced(TRACES.request, {
      contextOf: (startedAtMs) => ({ startedAtMs, method: request.method, url: redactUrl(request.url) }),
      shown: ({ status }) => ({ status }),
      work: (trace) => {
        if (!trace) return send(request);
        const onConnected = (connection: ConnectionSteps | undefined): void => {
          trace.connectedAtMs = performance.now();
          if (connection) trace.connection = connection;
          request.onConnected?.(connection);
        };
        return send({ ...request, onConnected });
      },
    });
}
