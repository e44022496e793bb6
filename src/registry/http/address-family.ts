import { isIPv4, isIPv6 } from "node:net";

/**
 * Which kind of address a text is, 0 for none: what Node's `isIP` says. Its expression for IPv6 takes three milliseconds when it is first
 * used, for a name as well; what has not the two colons that each such address has does not wait for it here.
 */
export function addressFamily(text: string): 0 | 4 | 6 {
  if (text.indexOf(":") !== text.lastIndexOf(":")) return isIPv6(text) ? 6 : 0;
  return isIPv4(text) ? 4 : 0;
}
