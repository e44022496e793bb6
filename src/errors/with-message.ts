import type { DrayageError, ErrorDetails } from "./drayage-error.ts";

/** The same class and details under another message, `more` on top; `error` becomes the cause. */
export function withMessage(error: DrayageError, message: string, more: ErrorDetails = {}): DrayageError {
  const ErrorClass = error.constructor as new (message: string, details: ErrorDetails) => DrayageError;
  const {
    endpoint,
    digest,
    reference,
    attempt,
    httpStatus,
    registryCode,
    retryable,
    retryAfterMs,
    errors,
    images,
  } = error;
  const details = {
    endpoint,
    digest,
    reference,
    attempt,
    httpStatus,
    registryCode,
    retryable,
    retryAfterMs,
    errors,
    images,
  };
  return new ErrorClass(message, { ...details, cause: error, ...more });
}
