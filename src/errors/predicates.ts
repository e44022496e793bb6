import { type DrayageError, type ErrorCode, isDrayageError } from "./drayage-error.ts";

/** Bounds the walk through causes, in errors looked at: a tree larger than this is an attack, not information. */
const MAX_ERRORS_SEEN = 1_000;

/**
 * The first of our errors in `error`, its collected errors and its causes, depth first: the one whose class counts
 * (errdefs resolves wrapped and joined errors the same way).
 */
export function findError(error: unknown): DrayageError | undefined {
  const seen = new Set<unknown>();
  const next: unknown[] = [error];
  while (next.length > 0 && seen.size < MAX_ERRORS_SEEN) {
    const candidate = next.pop();
    if (isDrayageError(candidate)) return candidate;
    if (!(candidate instanceof Error) || seen.has(candidate)) continue;
    seen.add(candidate);
    next.push(candidate.cause);
    if (candidate instanceof AggregateError)
      next.push(...candidate.errors.slice(0, MAX_ERRORS_SEEN).reverse());
    // Made by `await using`, here natively or by the compiler: what failed first, and then what failed while leaving.
    if (candidate.name === "SuppressedError")
      next.push(ownValue(candidate, "error"), ownValue(candidate, "suppressed"));
  }
  return undefined;
}

function ownValue(error: Error, key: string): unknown {
  return Object.getOwnPropertyDescriptor(error, key)?.value;
}

/**
 * Tells whether an error, or what it holds, is of one class; only errors are, so that the message can be read without
 * asking again. `findError` gives the error itself that has the class.
 */
export type ErrorPredicate = (error: unknown) => error is Error;

function predicate(code: ErrorCode): ErrorPredicate {
  return (error): error is Error => findError(error)?.code === code;
}

/** Whether the class of `error` is `ErrUnknown`, also when nothing of ours is in it. */
export function isUnknown(error: unknown): boolean {
  const code = findError(error)?.code;
  return code === undefined || code === "ERR_UNKNOWN";
}

/** Whether the class of `error` is `ErrInvalidArgument`. */
export const isInvalidArgument: ErrorPredicate = predicate("ERR_INVALID_ARGUMENT");
/** Whether the class of `error` is `ErrNotFound`. */
export const isNotFound: ErrorPredicate = predicate("ERR_NOT_FOUND");
/** Whether the class of `error` is `ErrAlreadyExists`. */
export const isAlreadyExists: ErrorPredicate = predicate("ERR_ALREADY_EXISTS");
/** Whether the class of `error` is `ErrPermissionDenied`. */
export const isPermissionDenied: ErrorPredicate = predicate("ERR_PERMISSION_DENIED");
/** Whether the class of `error` is `ErrResourceExhausted`. */
export const isResourceExhausted: ErrorPredicate = predicate("ERR_RESOURCE_EXHAUSTED");
/** Whether the class of `error` is `ErrFailedPrecondition`. */
export const isFailedPrecondition: ErrorPredicate = predicate("ERR_FAILED_PRECONDITION");
/** Whether the class of `error` is `ErrAborted`. */
export const isAborted: ErrorPredicate = predicate("ERR_ABORTED");
/** Whether the class of `error` is `ErrOutOfRange`. */
export const isOutOfRange: ErrorPredicate = predicate("ERR_OUT_OF_RANGE");
/** Whether the class of `error` is `ErrNotImplemented`. */
export const isNotImplemented: ErrorPredicate = predicate("ERR_NOT_IMPLEMENTED");
/** Whether the class of `error` is `ErrInternal`. */
export const isInternal: ErrorPredicate = predicate("ERR_INTERNAL");
/** Whether the class of `error` is `ErrUnavailable`. */
export const isUnavailable: ErrorPredicate = predicate("ERR_UNAVAILABLE");
/** Whether the class of `error` is `ErrDataLoss`. */
export const isDataLoss: ErrorPredicate = predicate("ERR_DATA_LOSS");
/** Whether the class of `error` is `ErrUnauthenticated`. */
export const isUnauthenticated: ErrorPredicate = predicate("ERR_UNAUTHENTICATED");
/** Whether the class of `error` is `ErrCanceled`. */
export const isCanceled: ErrorPredicate = predicate("ERR_CANCELED");
/** Whether the class of `error` is `ErrDeadlineExceeded`. */
export const isDeadlineExceeded: ErrorPredicate = predicate("ERR_DEADLINE_EXCEEDED");
/** Whether the class of `error` is `ErrNoSupport`. */
export const isNoSupport: ErrorPredicate = predicate("ERR_NO_SUPPORT");

/**
 * Whether the same request may succeed if it is made again later. What the error itself says (`retryable`) wins;
 * otherwise only `ErrUnavailable` is worth another try.
 */
export function isRetryable(error: unknown): boolean {
  const found = findError(error);
  return found?.retryable ?? found?.code === "ERR_UNAVAILABLE";
}
