import { isRetryableStatus } from "../http/retryable-status.ts";
import type { HttpResponse } from "../http/send.ts";

/**
 * A request that may save another one: a HEAD a GET or an upload, a part the whole, an API a look at a tag. The other one can
 * always be made, and its answer settles the matter, so a refused short cut must never be the end of an operation.
 */
export type ShortCut = "manifest HEAD" | "blob HEAD" | "blob range" | "referrers API";

/** The statuses that do not refuse a short cut, because the long way costs much more or finds something else. */
const ENDS_THE_ATTEMPT: Readonly<Record<ShortCut, (status: number) => boolean>> = {
  // GET is as cheap, and has the reason in its body.
  "manifest HEAD": () => false,
  // Some registries fail here for every blob that they do not have, and an upload begins with a request without bytes.
  "blob HEAD": () => false,
  // All bytes that are there would be sent again for a trouble of the moment.
  "blob range": isRetryableStatus,
  // A tag may list other manifests than the API of a registry that only fails now, or lets others look.
  "referrers API": (status) => status === 401 || status === 403 || isRetryableStatus(status),
};

/**
 * Whether an answer refuses a short cut, so that the long way is to be taken now. Not so an answer that would meet the long
 * way as well and tell no more: too many requests, a wish to be asked later, a demand for credentials that there are none for.
 */
export function refusesShortCut(kind: ShortCut, { status, headers }: HttpResponse): boolean {
  if (status < 300 || headers["retry-after"] !== undefined) return false;
  // What is too much, and for whom, is told in a body, which only GET has.
  if (status === 429) return kind === "manifest HEAD";
  if (status === 401 && headers["www-authenticate"] !== undefined) return false;
  return !ENDS_THE_ATTEMPT[kind](status);
}
