import * as classes from "./classes.ts";
import { type ErrorDetails, isDrayageError } from "./drayage-error.ts";
import { messageOf } from "./message-of.ts";

/** Most errors of a chain that are sent, of which each led to the one before. */
const MAX_CHAIN = 5;

/** An error on its way between two threads, which keeps neither class nor fields by itself. */
export interface WireError {
  /** Name of its class. */
  readonly name: string;
  readonly message: string;
  /** What one of our errors says beside that, as far as it can be copied; absent for any other. */
  readonly details?: ErrorDetails | undefined;
  /** What is known of the failed call that any other one is about. */
  readonly call?: FailedCall | undefined;
  /** What led to it. */
  readonly cause?: WireError | undefined;
}

/** The fields of Node's errors by which others tell what has happened. */
type FailedCall = {
  readonly [Field in "code" | "errno" | "syscall" | "stack"]: NodeJS.ErrnoException[Field] | undefined;
};

/**
 * Puts an error into a form that can be sent.
 *
 * @param doing what was being done: begins the message of what is no error of ours
 */
export function toWire(error: unknown, doing: string): WireError {
  if (isDrayageError(error)) return wired(error, MAX_CHAIN);
  const words = error instanceof Error ? (error.stack ?? error.message) : messageOf(error);
  return { name: "ErrInternal", message: `${doing}: a defect: ${words}`, details: {} };
}

/** The error that was sent. */
export function fromWire({ name, message, details, call, cause }: WireError): Error {
  const led = cause && fromWire(cause);
  if (!details) return Object.assign(new Error(message, led && { cause: led }), { name, ...call });
  const ErrorClass = Object.values(classes).find((one) => one.prototype.name === name) ?? classes.ErrInternal;
  return new (ErrorClass as new (message: string, details: ErrorDetails) => Error)(message, {
    ...details,
    cause: led,
  });
}

function wired(error: Error, most: number): WireError {
  const { name, message, cause } = error;
  const led = cause instanceof Error && most > 1 ? wired(cause, most - 1) : undefined;
  if (isDrayageError(error)) {
    const { endpoint, digest, httpStatus, retryable, retryAfterMs, notSent } = error;
    const details = { endpoint, digest, httpStatus, retryable, retryAfterMs, notSent };
    return { name, message, details, cause: led };
  }
  const { code, errno, syscall, stack } = error as NodeJS.ErrnoException;
  return { name, message, call: { code, errno, syscall, stack }, cause: led };
}
