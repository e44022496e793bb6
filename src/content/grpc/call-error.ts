import { ErrNotFound } from "../../errors/classes.ts";
import { type ErrorCode, type ErrorDetails, isDrayageError } from "../../errors/drayage-error.ts";
import { fromGrpc } from "../../errors/grpc.ts";
import { isNotFound } from "../../errors/predicates.ts";
import { withMessage } from "../../errors/with-message.ts";
import { CallFailure } from "./client/call-failure.ts";

/** Classes of what callers bring about themselves: they cancel a call, or close its client. */
const OWN_DOING: ReadonlySet<ErrorCode> = new Set(["ERR_CANCELED", "ERR_FAILED_PRECONDITION"]);

/** A call as errors name it. */
export interface CallName {
  /** Path of the method. */
  readonly path: string;
  /** The digest or ref that it is about, if it is about one. */
  readonly subject?: string | undefined;
  /** The service, as `formatAddress` gives it. */
  readonly address: string;
}

/**
 * The error of a call that failed. What the service told has its class and its words; whatever else went wrong with the call says
 * which one it was. That it was cancelled, or its client closed, is the caller's own doing, and stays as it is.
 */
export function callError(cause: unknown, call: CallName, details: ErrorDetails = {}): unknown {
  if (cause instanceof CallFailure) return failureError(cause, call, details);
  if (!isDrayageError(cause) || OWN_DOING.has(cause.code)) return cause;
  return withMessage(cause, `${nameOf(call)}: ${cause.message}`, details);
}

function failureError(cause: CallFailure, call: CallName, details: ErrorDetails): Error {
  const { code, kind, details: words } = cause;
  if (kind !== "told") return fromGrpc({ code, details: `${nameOf(call)}: ${words}` }, { ...details, cause });
  const error = fromGrpc(cause, { ...details, cause });
  // "not found" ends the words of the local store as well.
  return isNotFound(error) ? new ErrNotFound(words, { ...details, cause }) : error;
}

function nameOf({ path, subject, address }: CallName): string {
  const method = path.slice(path.lastIndexOf("/") + 1);
  return `call ${method}${subject === undefined ? "" : ` of ${subject}`} at ${address}`;
}
