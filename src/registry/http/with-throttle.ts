import { type Clock, systemClock } from "../../async/clock.ts";
import { fromHttpStatus } from "../../errors/http.ts";
import { parseRetryAfter } from "./retry-after.ts";
import { type HttpRequest, type HttpResponse, headerOf, type Send } from "./send.ts";
import { originOfUrl } from "./url-origin.ts";

/**
 * Longest time that an origin is left alone without being asked again, in milliseconds, whatever it said: an answer may be
 * a mistake, and must not close a host for the life of the process.
 */
export const MAX_PAUSE_MS = 120_000;

/** When to ask again while the first request after a pause is under way, in milliseconds. */
export const PROBE_WAIT_MS = 250;

const THROTTLING_STATUSES = new Set([429, 503]);

/** What surrounds the pauses of `withThrottle`. */
export interface ThrottleOptions {
  /**
   * Measures the pauses.
   * @defaultValue the machine's
   * @avoid outside of tests
   * @example clock
   */
  readonly clock?: Clock | undefined;
  /**
   * Longest pause that a registry may ask for, in milliseconds.
   * @defaultValue 120,000
   * @example maxPauseMs: 60_000
   */
  readonly maxPauseMs?: number | undefined;
}

/** An origin that has asked to be left alone. Times are the clock's `elapsed`. */
interface Pause {
  /** The status that asked for it. */
  readonly status: number;
  /** Until when the origin asked to be left alone. */
  readonly askedUntilMs: number;
  /** Until when it is. */
  readonly untilMs: number;
  /** Whether the one request that is let through after the pause is under way. */
  probing: boolean;
}

/**
 * `send` that leaves an origin alone for as long as it asked with a 429 or 503 and `Retry-After`. A request to it is then
 * not sent but refused at once, with what the origin said before (`ErrResourceExhausted` or `ErrUnavailable`), `notSent`
 * and the time left as `retryAfterMs`: who waits decides that for himself, and holds nothing meanwhile (`retry` does so).
 * When the pause is over, or has lasted `maxPauseMs`, one request is let through to see; the others go on being refused
 * until it is answered. The answer that asks is given to its own caller as it is. Share one throttle between all who
 * share an address at the registry.
 */
export function withThrottle(
  send: Send,
  { clock = systemClock, maxPauseMs = MAX_PAUSE_MS }: ThrottleOptions = {},
): Send {
  const pauses = new Map<string, Pause>();

  /** The pause that `request` is the first to come after, if any. Throws while it lasts. */
  function passed(request: HttpRequest, origin: string): Pause | undefined {
    const pause = pauses.get(origin);
    if (!pause) return undefined;
    const now = clock.elapsed();
    const { status, askedUntilMs, untilMs, probing } = pause;
    const waitMs = now < untilMs ? askedUntilMs - now : PROBE_WAIT_MS;
    if (now < untilMs || probing) throw notSent(request, { origin, status, waitMs });
    pause.probing = true;
    return pause;
  }

  function heed(origin: string, { status }: HttpResponse, waitMs: number | undefined): void {
    if (!waitMs) return;
    const now = clock.elapsed();
    const askedUntilMs = now + waitMs;
    if (askedUntilMs <= (pauses.get(origin)?.askedUntilMs ?? 0)) return;
    const untilMs = Math.min(askedUntilMs, now + maxPauseMs);
    pauses.set(origin, { status, askedUntilMs, untilMs, probing: false });
  }

  /** Origins that nobody asks any more must not collect. */
  function prune(): void {
    const now = clock.elapsed();
    for (const [origin, { untilMs, probing }] of pauses) {
      if (!probing && untilMs + maxPauseMs <= now) pauses.delete(origin);
    }
  }

  return async (request) => {
    const origin = originOfUrl(request.url);
    const probed = passed(request, origin);
    try {
      const response = await send(request);
      if (probed) pauses.delete(origin);
      if (THROTTLING_STATUSES.has(response.status)) {
        prune();
        heed(origin, response, parseRetryAfter(headerOf(response, "retry-after"), clock.now()));
      }
      return response;
    } catch (error) {
      if (probed && request.signal?.aborted)
        probed.probing = false; // nothing is known yet: the next one sees
      else if (probed) pauses.delete(origin);
      throw error;
    }
  };
}

interface Refusal {
  readonly origin: string;
  readonly status: number;
  readonly waitMs: number;
}

function notSent({ method }: HttpRequest, { origin, status, waitMs }: Refusal): Error {
  const seconds = Math.ceil(waitMs / 1_000);
  const more = `${seconds} more second${seconds === 1 ? "" : "s"}`;
  const message = `${method} ${origin}: not sent: the server answered ${status} and asked to wait ${more}`;
  return fromHttpStatus(status, message, {
    endpoint: origin,
    retryable: true,
    retryAfterMs: waitMs,
    notSent: true,
  });
}
