import * as classes from "../../errors/classes.ts";
import { type ErrorDetails, isDrayageError } from "../../errors/drayage-error.ts";
import { messageOf } from "../../errors/message-of.ts";

/** An error on its way between two threads, which keeps neither class nor fields by itself. */
export interface WireError {
  /** Name of its class; anything but ours is a defect. */
  readonly name: string;
  readonly message: string;
  readonly digest: string | undefined;
  readonly retryable: boolean | undefined;
  /** What led to it, as far as it can be copied. */
  readonly cause: unknown;
}

/** Puts an error into a form that can be sent. */
export function toWire(error: unknown): WireError {
  if (!isDrayageError(error)) {
    const words = error instanceof Error ? (error.stack ?? error.message) : messageOf(error);
    const message = `unpack layer: a defect: ${words}`;
    return { name: "ErrInternal", message, digest: undefined, retryable: undefined, cause: undefined };
  }
  const { name, message, digest, retryable, cause } = error;
  return { name, message, digest, retryable, cause: cause instanceof Error ? causeOf(cause) : undefined };
}

/** The error that was sent. */
export function fromWire({ name, message, ...details }: WireError): Error {
  const ErrorClass = Object.values(classes).find((one) => one.prototype.name === name) ?? classes.ErrInternal;
  return new (ErrorClass as new (message: string, details: ErrorDetails) => Error)(message, details);
}

/** A plain error keeps its message when it is copied, and these fields, by which a failed file call is known. */
function causeOf(cause: Error): Error {
  const { code, errno, syscall } = cause as NodeJS.ErrnoException;
  return Object.assign(new Error(cause.message), { code, errno, syscall });
}
