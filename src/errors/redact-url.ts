/**
 * `url` as it may appear in a message, a log line or an event: without user, password and fragment, and with every
 * query value replaced, because signed URLs carry their secret there.
 */
export function redactUrl(url: string | URL): string {
  if (!URL.canParse(String(url))) return "<unparsable url>";
  const copy = new URL(url);
  copy.username = "";
  copy.password = "";
  copy.hash = "";
  for (const key of new Set(copy.searchParams.keys())) copy.searchParams.set(key, "REDACTED");
  return copy.href;
}
