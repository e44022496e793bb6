import type { IncomingHttpHeaders } from "node:http2";

/**
 * Headers with the first value of each name. Metadata of gRPC may come several times, as when a Go client names a
 * namespace twice on one context; Node joins such values with commas, containerd takes the first.
 *
 * @param rawHeaders names and values in turn, as they came
 */
export function firstValues(rawHeaders: readonly string[]): IncomingHttpHeaders {
  const first: IncomingHttpHeaders = {};
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? "";
    if (!Object.hasOwn(first, name)) first[name] = rawHeaders[at + 1];
  }
  return first;
}
