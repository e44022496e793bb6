import type { DrayageError, ErrorDetails } from "./drayage-error.ts";

/** The same class and details under another message, `more` on top; `error` becomes the cause. */
export function withMessage(error: DrayageError, message: string, more: ErrorDetails = {}): DrayageError {
  const ErrorClass = error.constructor as new (message: string, details: ErrorDetails) => DrayageError;
  return new ErrorClass(message, { ...detailsOf(error), cause: error, ...more });
}

function detailsOf(error: DrayageError): ErrorDetails {
  const { endpoint, digest, reference, attempt, httpStatus, answeredBy, registryCode } = error;
  const { retryable, retryAfterMs, notSent, errors, images, notTried } = error;
  return {
    endpoint,
    digest,
    reference,
    attempt,
    httpStatus,
    answeredBy,
    registryCode,
    retryable,
    retryAfterMs,
    notSent,
    errors,
    images,
    notTried,
  };
}
