import type { HttpRequest, HttpResponse } from "../http/send.ts";

/** Statuses whose answers have no body, whatever their headers say (RFC 9110, section 6.4.1). */
const BODILESS_STATUSES = new Set([204, 304]);

/** Whether the answer to a request has no body, whatever its headers say. */
export function isBodiless({ method }: Pick<HttpRequest, "method">, status: number): boolean {
  return method === "HEAD" || BODILESS_STATUSES.has(status);
}

/** Bytes of a body by its Content-Length; `undefined` when there is none, and `NaN`, as long as which nothing is, when there are several. */
export function lengthOf({ "content-length": length }: HttpResponse["headers"]): number | undefined {
  return length === undefined ? undefined : Number(length);
}
