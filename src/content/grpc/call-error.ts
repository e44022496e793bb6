import { ErrNotFound } from "../../errors/classes.ts";
import type { ErrorDetails } from "../../errors/drayage-error.ts";
import { fromGrpc } from "../../errors/grpc.ts";
import { isNotFound } from "../../errors/predicates.ts";
import { CallFailure } from "./client/call-failure.ts";

/** The error of a call that failed, of the class that the service had and in its words; others as they are. */
export function callError(cause: unknown, details: ErrorDetails = {}): unknown {
  if (!(cause instanceof CallFailure)) return cause;
  const error = fromGrpc(cause, { ...details, cause });
  // "not found" ends the words of the local store as well.
  return isNotFound(error) ? new ErrNotFound(cause.details, { ...details, cause }) : error;
}
