import { constants } from "node:os";
import {
  ErrDataLoss,
  ErrFailedPrecondition,
  ErrInvalidArgument,
  ErrNotFound,
  ErrPermissionDenied,
  ErrResourceExhausted,
  ErrUnavailable,
  ErrUnknown,
} from "../errors/classes.ts";
import { type DrayageError, type ErrorDetails, isDrayageError } from "../errors/drayage-error.ts";
import { messageOf } from "../errors/message-of.ts";

interface DiskClass {
  readonly make: new (message: string, details?: ErrorDetails) => DrayageError;
  readonly text: string;
}

const BY_ERRNO: Readonly<Record<string, DiskClass>> = {
  ENOSPC: { make: ErrResourceExhausted, text: "no space left on device" },
  EDQUOT: { make: ErrResourceExhausted, text: "disk quota exceeded" },
  EMFILE: { make: ErrResourceExhausted, text: "too many open files" },
  ENFILE: { make: ErrResourceExhausted, text: "too many open files in the whole system" },
  ENOMEM: { make: ErrResourceExhausted, text: "out of memory" },
  EFBIG: { make: ErrResourceExhausted, text: "file too large" },
  EROFS: { make: ErrFailedPrecondition, text: "read-only file system" },
  ENOTDIR: { make: ErrFailedPrecondition, text: "not a directory" },
  EISDIR: { make: ErrFailedPrecondition, text: "is a directory" },
  EEXIST: { make: ErrFailedPrecondition, text: "file exists and is not a directory" },
  ENOTEMPTY: { make: ErrFailedPrecondition, text: "directory is not empty" },
  EXDEV: { make: ErrFailedPrecondition, text: "lies on another file system" },
  ELOOP: { make: ErrFailedPrecondition, text: "too many symbolic links" },
  ENAMETOOLONG: { make: ErrInvalidArgument, text: "file name too long" },
  EACCES: { make: ErrPermissionDenied, text: "permission denied" },
  EPERM: { make: ErrPermissionDenied, text: "operation not permitted" },
  ERR_ACCESS_DENIED: { make: ErrPermissionDenied, text: "refused by Node's permission model" },
  ENOENT: { make: ErrNotFound, text: "no such file or directory" },
  ESTALE: { make: ErrUnavailable, text: "stale file handle" },
  EBUSY: { make: ErrUnavailable, text: "resource busy" },
  ENOLCK: { make: ErrUnavailable, text: "no locks available" },
  ENODEV: { make: ErrUnavailable, text: "no such device" },
  ENXIO: { make: ErrUnavailable, text: "no such device or address" },
  ENOTCONN: { make: ErrUnavailable, text: "file system is not connected" },
  ETIMEDOUT: { make: ErrUnavailable, text: "file system does not answer" },
  EIO: { make: ErrDataLoss, text: "input/output error" },
  EBADMSG: { make: ErrDataLoss, text: "file system found a wrong checksum" },
  EUCLEAN: { make: ErrDataLoss, text: "file system is damaged" },
};

/** Linux's number for a file system that finds itself damaged; Node has no name for it. */
const LINUX_EUCLEAN = 117;

/** Names by number, because libuv has none for some of them (`Unknown system error -122`). */
const NAMES: ReadonlyMap<number, string> = new Map<number, string>([
  ...(process.platform === "linux" ? [[LINUX_EUCLEAN, "EUCLEAN"] as const] : []),
  ...Object.entries(constants.errno).map(([name, number]) => [number, name] as const),
]);

/**
 * The typed error of a failed file operation: `<action> "<path>": <reason>`. None of them is retryable: a full or
 * read-only disk stops the operation at once (moby, where a mistaken errno let it go on).
 */
export function diskError(action: string, path: string, cause: unknown): DrayageError {
  if (isDrayageError(cause)) return cause;
  const name = errnoName(cause);
  const known = name === undefined ? undefined : BY_ERRNO[name];
  const reason = known?.text ?? messageOf(cause);
  return new (known?.make ?? ErrUnknown)(`${action} "${path}": ${reason}`, { cause, retryable: false });
}

/** How programs that speak English say what the disk does to them. */
const IN_WORDS: ReadonlyArray<readonly [words: RegExp, errno: string]> = [
  [/No space left on device/, "ENOSPC"],
  [/Disk quota exceeded/, "EDQUOT"],
  [/File too large/, "EFBIG"],
  [/Read-only file system/, "EROFS"],
  [/Input\/output error/, "EIO"],
  [/Bad message/, "EBADMSG"],
  [/Structure needs cleaning/, "EUCLEAN"],
];

/** The typed error of a program that failed, if its words say that it was for the disk: `<action>: <reason>`. */
export function diskErrorInWords(action: string, words: string): DrayageError | undefined {
  const [, errno = ""] = IN_WORDS.find(([pattern]) => pattern.test(words)) ?? [];
  const known = BY_ERRNO[errno];
  return known && new known.make(`${action}: ${known.text}`, { retryable: false });
}

/** Whether `error` is a file operation's "no such file". */
export function isMissingFile(error: unknown): boolean {
  return errnoName(error) === "ENOENT";
}

/** Whether `error`, or what caused it, says that nothing can be written there: a read-only medium, or no right to it. */
export function isUnwritable(error: unknown): boolean {
  const name = errnoName(isDrayageError(error) ? error.cause : error);
  return name === "EROFS" || name === "EACCES" || name === "EPERM" || name === "ERR_ACCESS_DENIED";
}

/** Whether `error`, or what caused it, says that the disk has no room, for anybody or for this user. */
export function isDiskFull(error: unknown): boolean {
  const name = errnoName(isDrayageError(error) ? error.cause : error);
  return name === "ENOSPC" || name === "EDQUOT";
}

/** The name of the errno behind a failed file operation, such as `ENOSPC`. */
function errnoName(error: unknown): string | undefined {
  const { code, errno } = (error ?? {}) as { code?: unknown; errno?: unknown };
  if (typeof code !== "string") return undefined;
  const named = code in BY_ERRNO || typeof errno !== "number" ? undefined : NAMES.get(Math.abs(errno));
  return named ?? code;
}
