import { BoundedMap } from "../../async/bounded-map.ts";
import { type Clock, systemClock } from "../../async/clock.ts";
import { type RateLimit, rateLimitOf } from "./rate-limit.ts";
import type { HttpResponse, Send } from "./send.ts";
import { warningsOf } from "./warning-header.ts";

/** How long the same warning or limit is not told again, in milliseconds: a pull is several requests. */
export const NOTICE_KEPT_MS = 60_000;

/** Notices that are remembered as told; with more of them the oldest may be told again. */
const MAX_NOTICES = 256;

/** A sentence of a registry for people, such as that something will be switched off. */
export interface RegistryWarning {
  /** Origin of the registry. */
  readonly endpoint: string;
  /** On one line, bounded, without control characters. */
  readonly text: string;
}

/** Who is told what registries say beside their answers. Neither may throw. */
export interface NoticeListener {
  readonly onRateLimit: (limit: RateLimit) => void;
  readonly onWarning: (warning: RegistryWarning) => void;
}

/**
 * `send` that tells what answers say besides: how many pulls are left (`rateLimitOf`), and warnings (`warningsOf`). What was
 * told within `NOTICE_KEPT_MS` is not told again.
 */
export function withNotices(
  send: Send,
  { onRateLimit, onWarning }: NoticeListener,
  clock: Clock = systemClock,
): Send {
  const told = new BoundedMap<string, number>(MAX_NOTICES);

  function isNew(...notice: readonly unknown[]): boolean {
    const key = JSON.stringify(notice);
    const now = clock.elapsed();
    const toldAt = told.get(key);
    if (toldAt !== undefined && now - toldAt < NOTICE_KEPT_MS) return false;
    told.set(key, now);
    return true;
  }

  function listen(response: HttpResponse): void {
    const limit = rateLimitOf(response);
    if (limit && isNew(limit)) onRateLimit(limit);
    for (const text of warningsOf(response)) {
      const { origin: endpoint } = new URL(response.url);
      if (isNew(endpoint, text)) onWarning({ endpoint, text });
    }
  }

  return async (request) => {
    const response = await send(request);
    listen(response);
    return response;
  };
}
