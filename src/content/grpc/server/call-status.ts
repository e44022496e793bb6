import { isDrayageError } from "../../../errors/drayage-error.ts";
import { type GrpcStatus, toGrpc } from "../../../errors/grpc.ts";
import { isPlain } from "../wire/plainly.ts";

/**
 * Longest text that goes out with a status, in UTF-16 units: it travels percent-encoded in a header, and clients take
 * headers of 64 KiB. A ref may be that long by itself.
 */
const MAX_DETAILS = 4_096;

/** The status that a failed call ends with. */
export function callStatus(error: unknown): GrpcStatus {
  const { code, details } = toGrpc(error);
  const words = isDrayageError(error) && isPlain(error) ? error.message : details;
  // A text with half a character in it cannot be encoded, and `statusHeaders` would throw.
  return { code, details: shorten(words).toWellFormed() };
}

/** The middle is left out: the end names the class. */
function shorten(text: string): string {
  if (text.length <= MAX_DETAILS) return text;
  return `${text.slice(0, MAX_DETAILS / 2)}...${text.slice(3 - MAX_DETAILS / 2)}`;
}
