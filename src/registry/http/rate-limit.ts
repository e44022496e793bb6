import { plainText } from "../../errors/plain-text.ts";
import { type HttpResponse, headerOf } from "./send.ts";

/** Longest name of whom a limit is for that is shown, in characters: an address, or a user's id. */
const MAX_SOURCE_CHARS = 64;

/** What a registry says of how much it will still serve, as Docker Hub does. */
export interface RateLimit {
  /** Origin of the registry. */
  readonly endpoint: string;
  /** How many pulls are allowed in the time of `windowMs`. */
  readonly limit: number;
  /** How many of them are left. */
  readonly remaining: number;
  /** The time over which the registry counts, in milliseconds, if it says so. */
  readonly windowMs?: number | undefined;
  /** Whom the limit is for, if the registry says so: an address, or a user's id. */
  readonly source?: string | undefined;
}

/** A number, and perhaps the seconds over which is counted: `100;w=21600`. */
const QUOTA = /^\s*(\d{1,9})\s*(?:;\s*w\s*=\s*(\d{1,9})\s*)?$/i;

/** The limit that an answer tells (`ratelimit-limit`, `ratelimit-remaining`); `undefined` unless it tells both clearly. */
export function rateLimitOf(response: HttpResponse): RateLimit | undefined {
  const [limit, remaining] = ["ratelimit-limit", "ratelimit-remaining"].map((name) =>
    QUOTA.exec(headerOf(response, name) ?? ""),
  );
  if (!limit || !remaining) return undefined;
  const seconds = limit[2] ?? remaining[2];
  const source = plainText(
    headerOf(response, "docker-ratelimit-source") ?? "",
    MAX_SOURCE_CHARS,
    response.secrets,
  );
  return {
    endpoint: new URL(response.url).origin,
    limit: Number(limit[1]),
    remaining: Number(remaining[1]),
    ...(seconds !== undefined && { windowMs: Number(seconds) * 1_000 }),
    ...(source !== "" && { source }),
  };
}
