import { ErrUnavailable } from "../../errors/classes.ts";
import { plainText } from "../../errors/plain-text.ts";
import { redactOrigin, redactUrl } from "../../errors/redact-url.ts";
import { type HttpRequest, type HttpResponse, headerOf, type Send } from "./send.ts";
import { asStranger } from "./stranger-request.ts";

/** Redirects followed for one request; the number that moby and containerd allow. */
export const MAX_REDIRECTS = 10;

/** Longest scheme that is shown, in characters. */
const MAX_SCHEME_CHARS = 32;

const REDIRECT_STATUSES = new Set([301, 302, 303, 307, 308]);

/** Redirects that keep method and body (RFC 9110, sections 15.4.8 and 15.4.9). */
const KEEPING_STATUSES = new Set([307, 308]);

/**
 * `send` that follows redirects of GET and HEAD, and of other methods those that keep method and body, which is then
 * sent again from its start, as in docker and containerd. Once the origin differs, the request is a stranger's (see
 * `asStranger`), for good: what was dropped does not come back when the way leads back. An answer without a usable
 * `Location` is given as it is, and so is one that would take a confidential body elsewhere. Rejects with
 * `ErrUnavailable`, not retryable, on a redirect from https to http, to another scheme, or after `MAX_REDIRECTS`.
 */
export function withRedirect(send: Send): Send {
  return async (original) => {
    let request = original;
    const doubts: Array<() => void> = [];
    for (let followed = 0; ; followed++) {
      const response = await send(request);
      if (response.doubt) doubts.push(response.doubt);
      const target = targetOf(request, response);
      if (!target) return doubts.length === 0 ? response : { ...response, doubt: () => tellAll(doubts) };
      await response.body.discard();
      const reason = refusalOf(new URL(request.url), target, followed);
      if (reason !== undefined) throw refusal(original, reason);
      request = redirected(request, target);
    }
  };
}

function tellAll(listeners: ReadonlyArray<() => void>): void {
  for (const tell of listeners) tell();
}

function targetOf(request: HttpRequest, response: HttpResponse): URL | undefined {
  const { method, url } = request;
  const followed = method === "GET" || method === "HEAD" ? REDIRECT_STATUSES : KEEPING_STATUSES;
  if (!followed.has(response.status)) return undefined;
  const location = headerOf(response, "location");
  if (location === undefined || !URL.canParse(location, url)) return undefined;
  const target = new URL(location, url);
  return request.confidential && target.origin !== new URL(url).origin ? undefined : target;
}

function refusalOf(from: URL, to: URL, followed: number): string | undefined {
  if (followed === MAX_REDIRECTS) return `stopped after ${MAX_REDIRECTS} redirects`;
  if (to.protocol !== "http:" && to.protocol !== "https:")
    return `redirect to a ${plainText(to.protocol, MAX_SCHEME_CHARS)} URL refused`;
  const downgrade = from.protocol === "https:" && to.protocol === "http:";
  return downgrade ? `redirect from https to ${redactOrigin(to)} refused` : undefined;
}

function redirected(request: HttpRequest, to: URL): HttpRequest {
  const kept = new URL(request.url).origin === to.origin ? request : asStranger(request);
  return { ...kept, url: to.href };
}

function refusal(request: HttpRequest, reason: string): ErrUnavailable {
  const endpoint = new URL(request.url).origin;
  return new ErrUnavailable(`${request.method} ${redactUrl(request.url)}: ${reason}`, {
    endpoint,
    retryable: false,
  });
}
