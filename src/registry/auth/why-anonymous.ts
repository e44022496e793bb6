import { ErrFailedPrecondition } from "../../errors/classes.ts";
import { messageOf } from "../../errors/message-of.ts";
import { findError } from "../../errors/predicates.ts";
import { withMessage } from "../../errors/with-message.ts";

/**
 * What to say about credentials that could not be read, in half a sentence; `undefined` when there is nothing
 * to say.
 */
export function reasonOf(failure: unknown): string | undefined {
  return failure === undefined ? undefined : `asked as anonymous: ${messageOf(failure)}`;
}

/** The error of a refusal with such a half sentence behind it. */
export function explained(refusal: unknown, why: string | undefined): unknown {
  const error = findError(refusal);
  return error && why !== undefined ? withMessage(error, `${error.message}; ${why}`) : refusal;
}

/**
 * The error of a source of credentials as that of the endpoint they are for: it keeps its class, if it has
 * one.
 */
export function lookupError(
  failure: unknown,
  { host, endpoint }: { readonly host: string; readonly endpoint: string },
): unknown {
  const error = findError(failure);
  if (error) return error.endpoint === undefined ? withMessage(error, error.message, { endpoint }) : failure;
  const message = `Look up credentials for ${host}: ${messageOf(failure)}`;
  return new ErrFailedPrecondition(message, { cause: failure, endpoint });
}
