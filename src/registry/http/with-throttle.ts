import { type Clock, systemClock } from "../../async/clock.ts";
import { fromHttpStatus } from "../../errors/http.ts";
import { parseRetryAfter } from "./retry-after.ts";
import { type HttpRequest, headerOf, type Send } from "./send.ts";

/** Longest time that a request waits for its origin to be ready again; the limit of `DEFAULT_BACKOFF` as well. */
export const MAX_THROTTLE_WAIT_MS = 120_000;

const THROTTLING_STATUSES = new Set([429, 503]);

/** What surrounds the waits of `withThrottle`. */
export interface ThrottleOptions {
  readonly clock?: Clock | undefined;
  /** Default `MAX_THROTTLE_WAIT_MS`. */
  readonly maxWaitMs?: number | undefined;
}

interface Pause {
  readonly untilMs: number;
  /** The status that asked for it. */
  readonly status: number;
}

/**
 * `send` that leaves an origin alone for as long as it asked with a 429 or 503 and `Retry-After`: further requests to
 * it wait. One that would have to wait longer than `maxWaitMs` rejects at once with what the origin said before
 * (`ErrResourceExhausted` or `ErrUnavailable`, with `retryAfterMs`). The answer that asks is given to its own caller
 * as it is. Share one throttle between all who share an address at the registry.
 */
export function withThrottle(
  send: Send,
  { clock = systemClock, maxWaitMs = MAX_THROTTLE_WAIT_MS }: ThrottleOptions = {},
): Send {
  const pauses = new Map<string, Pause>();

  async function ready(origin: string, request: HttpRequest): Promise<void> {
    for (;;) {
      const pause = pauses.get(origin);
      if (!pause) return;
      const waitMs = pause.untilMs - clock.now();
      if (waitMs <= 0) pauses.delete(origin);
      else if (waitMs > maxWaitMs) throw tooLong(request, { origin, status: pause.status, waitMs });
      else await clock.sleep(waitMs, { signal: request.signal }); // it may be longer by then: look again
    }
  }

  return async (request) => {
    const { origin } = new URL(request.url);
    await ready(origin, request);
    const response = await send(request);
    if (THROTTLING_STATUSES.has(response.status)) {
      const waitMs = parseRetryAfter(headerOf(response, "retry-after"), clock.now());
      const untilMs = clock.now() + (waitMs ?? 0);
      const known = pauses.get(origin)?.untilMs ?? 0;
      if (waitMs !== undefined && untilMs > known) pauses.set(origin, { untilMs, status: response.status });
    }
    return response;
  };
}

function tooLong(
  request: HttpRequest,
  { origin, status, waitMs }: { origin: string; status: number; waitMs: number },
): Error {
  const message = `${request.method} ${origin}: not sent: the server answered ${status} and asked to wait ${Math.ceil(waitMs / 1_000)} more seconds`;
  return fromHttpStatus(status, message, { endpoint: origin, retryable: true, retryAfterMs: waitMs });
}
