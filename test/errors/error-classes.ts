import {
  ErrAborted,
  ErrAlreadyExists,
  ErrCanceled,
  ErrDataLoss,
  ErrDeadlineExceeded,
  ErrFailedPrecondition,
  ErrInternal,
  ErrInvalidArgument,
  ErrNoSupport,
  ErrNotFound,
  ErrNotImplemented,
  ErrOutOfRange,
  ErrPermissionDenied,
  ErrResourceExhausted,
  ErrUnauthenticated,
  ErrUnavailable,
  ErrUnknown,
} from "../../src/errors/classes.ts";
import type { DrayageError } from "../../src/errors/drayage-error.ts";
import * as predicates from "../../src/errors/predicates.ts";

/** Every class with its code, its gRPC code, its HTTP status as an answer, and the predicate that asks for it. */
export const CLASSES = [
  row("ErrCanceled", ErrCanceled, "ERR_CANCELED", 1, 500, predicates.isCanceled),
  row("ErrUnknown", ErrUnknown, "ERR_UNKNOWN", 2, 500, predicates.isUnknown),
  row("ErrInvalidArgument", ErrInvalidArgument, "ERR_INVALID_ARGUMENT", 3, 400, predicates.isInvalidArgument),
  row(
    "ErrDeadlineExceeded",
    ErrDeadlineExceeded,
    "ERR_DEADLINE_EXCEEDED",
    4,
    500,
    predicates.isDeadlineExceeded,
  ),
  row("ErrNotFound", ErrNotFound, "ERR_NOT_FOUND", 5, 404, predicates.isNotFound),
  row("ErrAlreadyExists", ErrAlreadyExists, "ERR_ALREADY_EXISTS", 6, 500, predicates.isAlreadyExists),
  row(
    "ErrPermissionDenied",
    ErrPermissionDenied,
    "ERR_PERMISSION_DENIED",
    7,
    403,
    predicates.isPermissionDenied,
  ),
  row(
    "ErrResourceExhausted",
    ErrResourceExhausted,
    "ERR_RESOURCE_EXHAUSTED",
    8,
    429,
    predicates.isResourceExhausted,
  ),
  row(
    "ErrFailedPrecondition",
    ErrFailedPrecondition,
    "ERR_FAILED_PRECONDITION",
    9,
    412,
    predicates.isFailedPrecondition,
  ),
  row("ErrAborted", ErrAborted, "ERR_ABORTED", 10, 500, predicates.isAborted),
  row("ErrOutOfRange", ErrOutOfRange, "ERR_OUT_OF_RANGE", 11, 500, predicates.isOutOfRange),
  row("ErrNotImplemented", ErrNotImplemented, "ERR_NOT_IMPLEMENTED", 12, 501, predicates.isNotImplemented),
  row("ErrInternal", ErrInternal, "ERR_INTERNAL", 13, 500, predicates.isInternal),
  row("ErrUnavailable", ErrUnavailable, "ERR_UNAVAILABLE", 14, 503, predicates.isUnavailable),
  row("ErrDataLoss", ErrDataLoss, "ERR_DATA_LOSS", 15, 500, predicates.isDataLoss),
  row("ErrUnauthenticated", ErrUnauthenticated, "ERR_UNAUTHENTICATED", 16, 401, predicates.isUnauthenticated),
  row("ErrNoSupport", ErrNoSupport, "ERR_NO_SUPPORT", 12, 501, predicates.isNoSupport),
];

function row(
  name: string,
  make: new (message: string, details?: { readonly cause?: unknown }) => DrayageError,
  code: string,
  ...[grpc, http, is]: readonly [number, number, (error: unknown) => boolean]
) {
  return { name, code, grpc, http, is, make };
}
