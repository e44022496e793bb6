/**
 * A time of a file as Node's `utimes` wants it, which takes a negative number for "now".
 * @param ms milliseconds since the epoch, with a fraction
 */
export function fileTime(ms: number): number | Date {
  return ms < 0 ? new Date(ms) : ms / 1_000;
}
