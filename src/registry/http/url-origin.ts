import { BoundedMap } from "../../async/bounded-map.ts";

/** Beginnings of URLs whose origins are remembered. */
const MAX_ORIGINS = 256;

/** Beginnings that mean the same whatever follows: others may be read in another way, or trimmed, where they end. */
const PLAIN = /^https?:\/\/[\w.:[\]-]+$/;

/** By the part of a URL that its origin depends on: a request asks for it half a dozen times, and parsing takes longer than all else. */
const origins = new BoundedMap<string, string>(MAX_ORIGINS);

/** What `new URL(url).origin` is. Throws as that does. */
export function originOfUrl(url: string): string {
  const authority = url.indexOf("://") + 3;
  const path = url.indexOf("/", authority);
  if (authority < 3 || path <= authority) return new URL(url).origin;
  const beginning = url.slice(0, path);
  const known = origins.get(beginning);
  if (known !== undefined) return known;
  const { origin } = new URL(url);
  if (!PLAIN.test(beginning)) return origin;
  origins.set(beginning, origin);
  return origin;
}
