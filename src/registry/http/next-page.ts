import { type Clock, systemClock } from "../../async/clock.ts";
import { ErrUnavailable, ErrUnknown } from "../../errors/classes.ts";
import { redactOrigin } from "../../errors/redact-url.ts";
import { nextLink } from "./next-link.ts";
import type { HttpRequest, HttpResponse } from "./send.ts";
import { asStranger } from "./stranger-request.ts";

/** Longest time for all pages of a listing together, in milliseconds: a thousand pages of half a second each. */
export const LISTING_TIMEOUT_MS = 600_000;

/** All pages of a listing together, in bytes: a million tags of 64 characters. */
export const MAX_LISTING_BYTES = 64 * 1024 * 1024;

/** Reads the pages of one listing and finds the requests for them, within the bounds of a listing as a whole. */
export class PageTrail {
  readonly #action: string;
  readonly #clock: Clock;
  readonly #startedAtMs: number;
  #bytesLeft = MAX_LISTING_BYTES;
  #pages = 0;
  /** An earlier page, moved on whenever their number doubles: whatever circle the links make, it comes by again (Brent). */
  #marked: string | undefined;
  #nextMark = 1;

  /** @param action what is being done, such as `list tags`; begins the messages */
  constructor(action: string, clock: Clock = systemClock) {
    this.#action = action;
    this.#clock = clock;
    this.#startedAtMs = clock.elapsed();
  }

  /** The page in memory. Throws `ErrOutOfRange` when it has more than `maxBytes`, or all pages have too many. */
  async read({ body }: HttpResponse, maxBytes: number): Promise<Uint8Array> {
    const page = await body.bytes(Math.min(maxBytes, this.#bytesLeft));
    this.#bytesLeft -= page.length;
    return page;
  }

  /**
   * The request for the page that the answer's `Link` header names, `undefined` after the last page. Its query is the link's
   * own, with the namespace that a mirror needs and may have forgotten. Throws `ErrUnknown` when the link leads to another
   * origin, or to a page that was read already, `ErrUnavailable` when the listing has taken too long.
   */
  next(request: HttpRequest, response: HttpResponse): HttpRequest | undefined {
    const next = nextLink(response.headers["link"], request.url);
    if (!next) return undefined;
    const { origin, searchParams } = new URL(request.url);
    if (next.origin !== origin) throw this.#refusal(request, `next page is at ${redactOrigin(next)}`);
    if (this.#clock.elapsed() - this.#startedAtMs > LISTING_TIMEOUT_MS) {
      const message = `${this.#action} ${origin}: not complete after ${LISTING_TIMEOUT_MS} ms`;
      throw new ErrUnavailable(message, { endpoint: origin, retryable: false });
    }
    const namespace = searchParams.get("ns");
    if (namespace !== null) next.searchParams.set("ns", namespace);
    this.#pages++;
    if (this.#pages === this.#nextMark) {
      this.#marked = request.url;
      this.#nextMark *= 2;
    }
    if (next.href === this.#marked || next.href === request.url) {
      throw this.#refusal(request, "the next page is one that was read already");
    }
    const following = { ...request, url: next.href };
    // Who was led elsewhere and is led back from there comes without credentials.
    return new URL(response.url).origin === origin ? following : asStranger(following);
  }

  #refusal({ url }: HttpRequest, problem: string): ErrUnknown {
    const { origin, pathname } = new URL(url);
    return new ErrUnknown(`${this.#action} ${origin}${pathname}: ${problem}`, {
      endpoint: origin,
      retryable: false,
    });
  }
}
