import * as classes from "./classes.ts";
import { type ErrorDetails, isDrayageError } from "./drayage-error.ts";
import { messageOf } from "./message-of.ts";

/** An error on its way between two threads, which keeps neither class nor fields by itself. */
export interface WireError {
  /** Name of its class; anything but ours is a defect. */
  readonly name: string;
  readonly message: string;
  /** What it says beside that, and what led to it, as far as they can be copied. */
  readonly details: ErrorDetails;
}

/**
 * Puts an error into a form that can be sent.
 *
 * @param doing what was being done: begins the message of what is no error of ours
 */
export function toWire(error: unknown, doing: string): WireError {
  if (!isDrayageError(error)) {
    const words = error instanceof Error ? (error.stack ?? error.message) : messageOf(error);
    return { name: "ErrInternal", message: `${doing}: a defect: ${words}`, details: {} };
  }
  const { name, message, cause, endpoint, digest, httpStatus, retryable, retryAfterMs, notSent } = error;
  const details = { endpoint, digest, httpStatus, retryable, retryAfterMs, notSent };
  return {
    name,
    message,
    details: { ...details, cause: cause instanceof Error ? causeOf(cause) : undefined },
  };
}

/** The error that was sent. */
export function fromWire({ name, message, details }: WireError): Error {
  const ErrorClass = Object.values(classes).find((one) => one.prototype.name === name) ?? classes.ErrInternal;
  return new (ErrorClass as new (message: string, details: ErrorDetails) => Error)(message, details);
}

/** A plain error keeps its message when it is copied, and these fields, by which a failed call is known. */
function causeOf(cause: Error): Error {
  const { code, errno, syscall } = cause as NodeJS.ErrnoException;
  return Object.assign(new Error(cause.message), { code, errno, syscall });
}
