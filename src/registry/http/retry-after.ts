/** The three date forms of RFC 9110, section 5.6.7, by their beginning; `Date.parse` alone takes "-5" for a year. */
const HTTP_DATE = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? /;

/**
 * Milliseconds from `nowMs` that a `Retry-After` header asks to wait: seconds, or a date (RFC 9110, section 10.2.3). A
 * date that has passed gives 0, an absent or unreadable header `undefined`.
 */
export function parseRetryAfter(header: string | undefined, nowMs: number): number | undefined {
  const text = header?.trim() ?? "";
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1_000;
  if (!HTTP_DATE.test(text)) return undefined;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}
