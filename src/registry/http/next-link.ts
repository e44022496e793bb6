/**
 * The address of the next page, from a `Link` header with `rel="next"` (RFC 8288), resolved against `base`; `undefined` when
 * there is none.
 */
export function nextLink(header: string | readonly string[] | undefined, base: string): URL | undefined {
  const text = [header ?? []].flat().join(", ");
  for (const [, target = "", parameters = ""] of text.matchAll(/<([^>]*)>([^<]*)/g)) {
    const isNext = /;\s*rel\s*=\s*(?:next\b|"[^"]*\bnext\b[^"]*")/i.test(parameters);
    if (isNext && URL.canParse(target, base)) return new URL(target, base);
  }
  return undefined;
}
