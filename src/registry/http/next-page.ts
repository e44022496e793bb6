import { ErrUnknown } from "../../errors/classes.ts";
import { nextLink } from "./next-link.ts";
import type { HttpRequest, HttpResponse } from "./send.ts";

/**
 * The request for the page that a listing's `Link` header names, `undefined` after the last page. Its query is the link's
 * own, with the namespace that a mirror needs and may have forgotten. Throws `ErrUnknown` when the link leads to another
 * origin; `action` says in front what was being done, such as `list tags`.
 */
export function nextPage(
  request: HttpRequest,
  response: HttpResponse,
  action: string,
): HttpRequest | undefined {
  const next = nextLink(response.headers["link"], request.url);
  if (!next) return undefined;
  const { origin, pathname, searchParams } = new URL(request.url);
  if (next.origin !== origin) {
    const message = `${action} ${origin}${pathname}: next page is at ${next.origin}`;
    throw new ErrUnknown(message, { endpoint: origin, retryable: false });
  }
  const namespace = searchParams.get("ns");
  if (namespace !== null) next.searchParams.set("ns", namespace);
  return { ...request, url: next.href };
}
