import {
  ErrFailedPrecondition,
  ErrNotFound,
  ErrPermissionDenied,
  ErrResourceExhausted,
  ErrUnknown,
} from "../errors/classes.ts";
import { type DrayageError, type ErrorDetails, isDrayageError } from "../errors/drayage-error.ts";

interface DiskClass {
  readonly make: new (message: string, details?: ErrorDetails) => DrayageError;
  readonly text: string;
}

const BY_ERRNO: Readonly<Record<string, DiskClass>> = {
  ENOSPC: { make: ErrResourceExhausted, text: "no space left on device" },
  EDQUOT: { make: ErrResourceExhausted, text: "disk quota exceeded" },
  EMFILE: { make: ErrResourceExhausted, text: "too many open files" },
  EFBIG: { make: ErrResourceExhausted, text: "file too large" },
  EROFS: { make: ErrFailedPrecondition, text: "read-only file system" },
  ENOTDIR: { make: ErrFailedPrecondition, text: "not a directory" },
  EISDIR: { make: ErrFailedPrecondition, text: "is a directory" },
  EEXIST: { make: ErrFailedPrecondition, text: "file exists and is not a directory" },
  EACCES: { make: ErrPermissionDenied, text: "permission denied" },
  EPERM: { make: ErrPermissionDenied, text: "operation not permitted" },
  ENOENT: { make: ErrNotFound, text: "no such file or directory" },
};

/**
 * The typed error of a failed file operation: `<action> "<path>": <reason>`. None of them is retryable: a full or
 * read-only disk stops the operation at once (moby, where a mistaken errno let it go on).
 */
export function diskError(action: string, path: string, cause: unknown): DrayageError {
  if (isDrayageError(cause)) return cause;
  const errno = (cause as NodeJS.ErrnoException | null)?.code;
  const known = errno === undefined ? undefined : BY_ERRNO[errno];
  const reason = known?.text ?? (cause instanceof Error ? cause.message : String(cause));
  return new (known?.make ?? ErrUnknown)(`${action} "${path}": ${reason}`, { cause, retryable: false });
}

/** Whether `error` is a file operation's "no such file". */
export function isMissingFile(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | null)?.code === "ENOENT";
}
