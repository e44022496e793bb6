/** A time as clients write it: seconds since 1970, perhaps with a fraction, or RFC 3339; in seconds. `undefined` for anything else. */
export function readTime(text: string): number | undefined {
  if (/^\d{1,12}(?:\.\d{1,9})?$/.test(text)) return Number(text);
  if (!/^\d{4}-\d{2}-\d{2}/.test(text)) return undefined;
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms / 1000;
}
