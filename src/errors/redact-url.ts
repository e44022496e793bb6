/** Longest URL in a message, in characters; a server may redirect to one of many thousands. */
const MAX_URL_CHARS = 1_024;

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
  return bounded(copy.href);
}

/**
 * A text that was to be a host, a reference or an URL, without what stands before an `@` like a user with a password. The `@`
 * of a digest stays.
 */
export function withoutUserInfo(text: string): string {
  const scheme = /^[a-z][a-z0-9+.-]*:\/\/|^\/\//i.exec(text)?.[0] ?? "";
  const rest = text.slice(scheme.length);
  const digest = rest.search(/@(?:sha\d+|md5|blake\w*)[\w+.-]*:/i);
  const end = rest.slice(0, digest < 0 ? rest.length : digest).lastIndexOf("@");
  return end < 0 || end === rest.length - 1 ? text : `${scheme}${rest.slice(end + 1)}`;
}

/** Scheme, host and port of `url` as they may appear in a message. */
export function redactOrigin(url: string | URL): string {
  return URL.canParse(String(url)) ? bounded(new URL(url).origin) : "<unparsable url>";
}

function bounded(text: string): string {
  return text.length > MAX_URL_CHARS ? `${text.slice(0, MAX_URL_CHARS)}...` : text;
}

function redactQuery(query: URLSearchParams): string {
  const parts = Array.from(query, ([name, value]) =>
    value === "" ? REDACTED : `${encodeURIComponent(name)}=${REDACTED}`,
  );
  return [...new Set(parts)].join("&");
}
