/**
 * The error classes of drayage: containerd's errdefs family by its own names, and `ErrNoSupport` of moby's pull path.
 * @module
 */
export {
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
} from "./errors/classes.ts";
export {
  type DoneName,
  DrayageError,
  type ErrorCode,
  type ErrorDetails,
  isDrayageError,
} from "./errors/drayage-error.ts";
export { fromGrpc, type GrpcStatus, toGrpc } from "./errors/grpc.ts";
export { fromHttpStatus, toHttpStatus } from "./errors/http.ts";
export {
  type ErrorPredicate,
  findError,
  isAborted,
  isAlreadyExists,
  isCanceled,
  isDataLoss,
  isDeadlineExceeded,
  isFailedPrecondition,
  isInternal,
  isInvalidArgument,
  isNoSupport,
  isNotFound,
  isNotImplemented,
  isOutOfRange,
  isPermissionDenied,
  isResourceExhausted,
  isRetryable,
  isUnauthenticated,
  isUnavailable,
  isUnknown,
} from "./errors/predicates.ts";
