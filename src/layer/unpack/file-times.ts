/**
 * A time as Node.js takes it for files, in seconds. It takes a negative number for "now", and what it says of text it does not
 * say of numbers: there they are what they are.
 */
export function fileTimeOf(seconds: number): number | string {
  return seconds < 0 ? String(seconds) : seconds;
}
