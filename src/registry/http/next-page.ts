import { ErrUnknown } from "../../errors/classes.ts";
import { redactOrigin } from "../../errors/redact-url.ts";
import { nextLink } from "./next-link.ts";
import type { HttpRequest, HttpResponse } from "./send.ts";
import { asStranger } from "./stranger-request.ts";

/** Finds the requests for the pages of one listing. */
export class PageTrail {
  readonly #action: string;
  #pages = 0;
  /** An earlier page, moved on whenever their number doubles: whatever circle the links make, it comes by again (Brent). */
  #marked: string | undefined;
  #nextMark = 1;

  /** @param action what is being done, such as `list tags`; begins the messages */
  constructor(action: string) {
    this.#action = action;
  }

  /**
   * The request for the page that the answer's `Link` header names, `undefined` after the last page. Its query is the link's
   * own, with the namespace that a mirror needs and may have forgotten. Throws `ErrUnknown` when the link leads to another
   * origin, or to a page that was read already.
   */
  next(request: HttpRequest, response: HttpResponse): HttpRequest | undefined {
    const next = nextLink(response.headers["link"], request.url);
    if (!next) return undefined;
    const { origin, searchParams } = new URL(request.url);
    if (next.origin !== origin) throw this.#refusal(request, `next page is at ${redactOrigin(next)}`);
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
