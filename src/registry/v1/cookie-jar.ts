import { BoundedMap } from "../../async/bounded-map.ts";
import { type Clock, systemClock } from "../../async/clock.ts";
import type { HttpResponse } from "../http/send.ts";

/** Origins whose cookies are kept: the few hosts that an index names, and those that it named before. */
const MAX_ORIGINS = 16;

/** Cookies kept per origin; a session is one. */
const MAX_COOKIES = 32;

/** Longest cookie that is kept, in characters: what browsers allow. */
const MAX_COOKIE_CHARS = 4_096;

/** Name and value as they may stand in a header (RFC 6265, section 4.1.1, with values as lenient as browsers are). */
const PAIR =
  /^\s*([!#$%&'*+\-.^_`|~\w]+)\s*=\s*([\x21\x23-\x3a\x3c-\x5b\x5d-\x7e]*|"[\x21\x23-\x3a\x3c-\x5b\x5d-\x7e]*")\s*$/;

/**
 * The cookies of one session, each for the origin that set it and no other, whatever `Domain` says: stricter than RFC 6265,
 * because a session of a registry needs no more. `Path` is ignored: all requests go to one API.
 */
export class CookieJar {
  readonly #cookies = new BoundedMap<string, Map<string, string>>(MAX_ORIGINS);
  readonly #clock: Clock;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /** The `Cookie` header for a request; `undefined` when its origin has set none. */
  headerFor(url: string): string | undefined {
    const cookies = this.#cookies.get(new URL(url).origin);
    if (!cookies || cookies.size === 0) return undefined;
    return Array.from(cookies, ([name, value]) => `${name}=${value}`).join("; ");
  }

  /** Takes over what an answer sets. */
  learn({ url, headers }: Pick<HttpResponse, "url" | "headers">): void {
    const lines = [headers["set-cookie"] ?? []].flat().filter((line) => line.length <= MAX_COOKIE_CHARS);
    if (lines.length === 0) return;
    const { origin } = new URL(url);
    const cookies = this.#cookies.get(origin) ?? new Map<string, string>();
    for (const line of lines) setCookie(cookies, line, this.#clock.now());
    this.#cookies.set(origin, cookies);
  }
}

function setCookie(cookies: Map<string, string>, line: string, now: number): void {
  const [pair = "", ...attributes] = line.split(";");
  const [, name, value = ""] = PAIR.exec(pair) ?? [];
  if (name === undefined) return;
  cookies.delete(name);
  if (attributes.some((attribute) => isOver(attribute, now)) || cookies.size >= MAX_COOKIES) return;
  cookies.set(name, value);
}

/** Whether an attribute says that the cookie is to be forgotten at once: that is how sessions are ended. */
function isOver(attribute: string, now: number): boolean {
  const [name = "", value = ""] = attribute.split("=", 2).map((part) => part.trim());
  if (/^max-age$/i.test(name)) return Number(value) <= 0;
  return /^expires$/i.test(name) && Date.parse(value) <= now;
}
