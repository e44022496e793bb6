import type { ErrorCode } from "../../errors/drayage-error.ts";
import { toHttpStatus } from "../../errors/http.ts";
import { messageOf } from "../../errors/message-of.ts";
import { findError } from "../../errors/predicates.ts";
import { Refusal } from "./refusal.ts";

/** What docker's clients know by other statuses than those of `toHttpStatus`. */
const DOCKER_STATUS: Partial<Record<ErrorCode, number>> = {
  ERR_ALREADY_EXISTS: 409,
  ERR_ABORTED: 409,
  ERR_OUT_OF_RANGE: 400,
};

/** What a client is told of a failure. */
export interface Failure {
  /** Status of HTTP, while it can still be sent. */
  readonly status: number;
  readonly message: string;
}

/** A failure in docker's terms: the table of errors to statuses that dockerd has. */
export function failureOf(error: unknown): Failure {
  if (error instanceof Refusal) return error;
  const found = findError(error);
  const status = (found && DOCKER_STATUS[found.code]) ?? toHttpStatus(error);
  return { status, message: found?.message ?? messageOf(error) };
}

/**
 * The same where a registry is asked on a client's behalf: that the registry wants other credentials is no reason to ask for some
 * to this server, which the docker command line would do at 401, waiting for a terminal that need not be there.
 */
export function registryFailureOf(error: unknown): Failure {
  const failure = failureOf(error);
  return failure.status === 401 ? { ...failure, status: 500 } : failure;
}
