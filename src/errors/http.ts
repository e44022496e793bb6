import {
  ErrFailedPrecondition,
  ErrInternal,
  ErrInvalidArgument,
  ErrNotFound,
  ErrNotImplemented,
  ErrPermissionDenied,
  ErrResourceExhausted,
  ErrUnauthenticated,
  ErrUnavailable,
  ErrUnknown,
} from "./classes.ts";
import type { DrayageError, ErrorCode, ErrorDetails } from "./drayage-error.ts";
import { findError } from "./predicates.ts";

const STATUS_BY_CODE: Partial<Record<ErrorCode, number>> = {
  ERR_INVALID_ARGUMENT: 400,
  ERR_UNAUTHENTICATED: 401,
  ERR_PERMISSION_DENIED: 403,
  ERR_NOT_FOUND: 404,
  ERR_FAILED_PRECONDITION: 412,
  ERR_RESOURCE_EXHAUSTED: 429,
  ERR_NOT_IMPLEMENTED: 501,
  ERR_NO_SUPPORT: 501,
  ERR_UNAVAILABLE: 503,
};

type ErrorConstructor = new (message: string, details?: ErrorDetails) => DrayageError;

const CLASS_BY_STATUS = new Map<number, ErrorConstructor>([
  [400, ErrInvalidArgument],
  [401, ErrUnauthenticated],
  [403, ErrPermissionDenied],
  [404, ErrNotFound],
  [408, ErrUnavailable],
  [412, ErrFailedPrecondition],
  [429, ErrResourceExhausted],
  [500, ErrInternal],
  [501, ErrNotImplemented],
  [502, ErrUnavailable],
  [503, ErrUnavailable],
  [504, ErrUnavailable],
]);

/** The HTTP status that an engine's API should answer with for `error`; 500 for what has no better one. */
export function toHttpStatus(error: unknown): number {
  const found = findError(error);
  return (found && STATUS_BY_CODE[found.code]) ?? 500;
}

/** The error of a failed HTTP answer. A status outside the table gives `ErrUnknown`; `httpStatus` always holds it. */
export function fromHttpStatus(status: number, message: string, details: ErrorDetails = {}): DrayageError {
  const ErrorClass = CLASS_BY_STATUS.get(status) ?? ErrUnknown;
  return new ErrorClass(message, { ...details, httpStatus: status });
}
