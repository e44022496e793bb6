import { DrayageError } from "./drayage-error.ts";

/** The class of the failure is not known. gRPC `UNKNOWN`, HTTP 500. */
export class ErrUnknown extends DrayageError {
  readonly code = "ERR_UNKNOWN";
}

/** The caller's argument is wrong whatever the state of the system. gRPC `INVALID_ARGUMENT`, HTTP 400. */
export class ErrInvalidArgument extends DrayageError {
  readonly code = "ERR_INVALID_ARGUMENT";
}

/** The thing asked for does not exist. gRPC `NOT_FOUND`, HTTP 404. */
export class ErrNotFound extends DrayageError {
  readonly code = "ERR_NOT_FOUND";
}

/** The thing to be made exists already. gRPC `ALREADY_EXISTS`. */
export class ErrAlreadyExists extends DrayageError {
  readonly code = "ERR_ALREADY_EXISTS";
}

/** Known caller, not allowed. gRPC `PERMISSION_DENIED`, HTTP 403. */
export class ErrPermissionDenied extends DrayageError {
  readonly code = "ERR_PERMISSION_DENIED";
}

/** Out of quota, rate or disk space. gRPC `RESOURCE_EXHAUSTED`, HTTP 429. */
export class ErrResourceExhausted extends DrayageError {
  readonly code = "ERR_RESOURCE_EXHAUSTED";
}

/** The system is not in the state that the operation needs. gRPC `FAILED_PRECONDITION`, HTTP 412. */
export class ErrFailedPrecondition extends DrayageError {
  readonly code = "ERR_FAILED_PRECONDITION";
}

/** The operation was ended by the other side before it was done. gRPC `ABORTED`. */
export class ErrAborted extends DrayageError {
  readonly code = "ERR_ABORTED";
}

/** A read or write beyond the end. gRPC `OUT_OF_RANGE`. */
export class ErrOutOfRange extends DrayageError {
  readonly code = "ERR_OUT_OF_RANGE";
}

/** This implementation cannot do it. gRPC `UNIMPLEMENTED`, HTTP 501. */
export class ErrNotImplemented extends DrayageError {
  readonly code = "ERR_NOT_IMPLEMENTED";
}

/** An invariant is broken: a defect. gRPC `INTERNAL`, HTTP 500. */
export class ErrInternal extends DrayageError {
  readonly code = "ERR_INTERNAL";
}

/** Not now, perhaps later: locked, unreachable, overloaded. gRPC `UNAVAILABLE`, HTTP 503. */
export class ErrUnavailable extends DrayageError {
  readonly code = "ERR_UNAVAILABLE";
}

/** Bytes are lost or not the ones they claim to be. gRPC `DATA_LOSS`. */
export class ErrDataLoss extends DrayageError {
  readonly code = "ERR_DATA_LOSS";
}

/** Credentials are missing or not accepted. gRPC `UNAUTHENTICATED`, HTTP 401. */
export class ErrUnauthenticated extends DrayageError {
  readonly code = "ERR_UNAUTHENTICATED";
}

/** The caller (or the last one who watched) gave up. gRPC `CANCELED`. */
export class ErrCanceled extends DrayageError {
  readonly code = "ERR_CANCELED";
}

/** The caller's deadline passed. gRPC `DEADLINE_EXCEEDED`. */
export class ErrDeadlineExceeded extends DrayageError {
  readonly code = "ERR_DEADLINE_EXCEEDED";
}

/**
 * An endpoint cannot do this at all, so its answer says nothing about the image (moby's `ErrNoSupport`). The endpoint
 * loop keeps it only while no endpoint gave a better reason. gRPC `UNIMPLEMENTED`, HTTP 501.
 */
export class ErrNoSupport extends DrayageError {
  readonly code = "ERR_NO_SUPPORT";
}

const CLASSES = {
  ErrUnknown,
  ErrInvalidArgument,
  ErrNotFound,
  ErrAlreadyExists,
  ErrPermissionDenied,
  ErrResourceExhausted,
  ErrFailedPrecondition,
  ErrAborted,
  ErrOutOfRange,
  ErrNotImplemented,
  ErrInternal,
  ErrUnavailable,
  ErrDataLoss,
  ErrUnauthenticated,
  ErrCanceled,
  ErrDeadlineExceeded,
  ErrNoSupport,
};

// On the prototype, so that a minified or renamed class keeps its public name and `instanceof` can compare by it.
for (const [name, errorClass] of Object.entries(CLASSES)) {
  Object.defineProperty(errorClass.prototype, "name", { value: name, configurable: true });
}
