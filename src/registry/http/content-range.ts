/** What a `Content-Range` header says, in bytes. */
export interface ContentRange {
  /** First and last position of the part; absent in a 416, which has none. */
  readonly part?: { readonly start: number; readonly end: number };
  /** Size of the whole; absent when the server does not know it. */
  readonly total?: number;
}

/**
 * Reads a `Content-Range` header (RFC 9110, section 14.4), whose unit registries of version 1 leave out; `undefined` when it is
 * absent or makes no sense.
 */
export function parseContentRange(header: string | undefined): ContentRange | undefined {
  const match = /^\s*(?:bytes[ =]+)?(?:(\d{1,15})-(\d{1,15})|\*)\/(\d{1,15}|\*)\s*$/i.exec(header ?? "");
  if (!match) return undefined;
  const [, first, last, whole] = match;
  const total = whole === "*" ? undefined : Number(whole);
  if (first === undefined) return total === undefined ? undefined : { total };
  const part = { start: Number(first), end: Number(last) };
  if (part.end < part.start || (total !== undefined && part.end >= total)) return undefined;
  return total === undefined ? { part } : { part, total };
}
