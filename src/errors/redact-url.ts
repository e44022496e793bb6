/** Stands for what must not be seen. */
const REDACTED = "REDACTED";

/**
 * `url` as it may appear in a message, a log line or an event: without user, password and fragment, and with every
 * query value replaced, because signed URLs carry their secret there. A name without a value is replaced as a whole.
 */
export function redactUrl(url: string | URL): string {
  if (!URL.canParse(String(url))) return "<unparsable url>";
  const copy = new URL(url);
  copy.username = "";
  copy.password = "";
  copy.hash = "";
  copy.search = redactQuery(copy.searchParams);
  return copy.href;
}

function redactQuery(query: URLSearchParams): string {
  const parts = Array.from(query, ([name, value]) =>
    value === "" ? REDACTED : `${encodeURIComponent(name)}=${REDACTED}`,
  );
  return [...new Set(parts)].join("&");
}
