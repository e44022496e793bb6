import {
  ErrAborted,
  ErrAlreadyExists,
  ErrCanceled,
  ErrDataLoss,
  ErrDeadlineExceeded,
  ErrFailedPrecondition,
  ErrInternal,
  ErrInvalidArgument,
  ErrNotFound,
  ErrNotImplemented,
  ErrOutOfRange,
  ErrPermissionDenied,
  ErrResourceExhausted,
  ErrUnauthenticated,
  ErrUnavailable,
  ErrUnknown,
} from "./classes.ts";
import type { DrayageError, ErrorCode, ErrorDetails } from "./drayage-error.ts";
import { messageOf } from "./message-of.ts";
import { findError } from "./predicates.ts";

/** A gRPC status as it travels: the numeric code and its message. */
export interface GrpcStatus {
  readonly code: number;
  readonly details: string;
}

interface GrpcClass {
  readonly grpc: number;
  /** The words that containerd's errdefs puts behind a message of this class. */
  readonly text: string;
  readonly make: new (message: string, details?: ErrorDetails) => DrayageError;
}

const BY_CODE: Record<Exclude<ErrorCode, "ERR_NO_SUPPORT">, GrpcClass> = {
  ERR_CANCELED: { grpc: 1, text: "context canceled", make: ErrCanceled },
  ERR_UNKNOWN: { grpc: 2, text: "unknown", make: ErrUnknown },
  ERR_INVALID_ARGUMENT: { grpc: 3, text: "invalid argument", make: ErrInvalidArgument },
  ERR_DEADLINE_EXCEEDED: { grpc: 4, text: "context deadline exceeded", make: ErrDeadlineExceeded },
  ERR_NOT_FOUND: { grpc: 5, text: "not found", make: ErrNotFound },
  ERR_ALREADY_EXISTS: { grpc: 6, text: "already exists", make: ErrAlreadyExists },
  ERR_PERMISSION_DENIED: { grpc: 7, text: "permission denied", make: ErrPermissionDenied },
  ERR_RESOURCE_EXHAUSTED: { grpc: 8, text: "resource exhausted", make: ErrResourceExhausted },
  ERR_FAILED_PRECONDITION: { grpc: 9, text: "failed precondition", make: ErrFailedPrecondition },
  ERR_ABORTED: { grpc: 10, text: "aborted", make: ErrAborted },
  ERR_OUT_OF_RANGE: { grpc: 11, text: "out of range", make: ErrOutOfRange },
  ERR_NOT_IMPLEMENTED: { grpc: 12, text: "not implemented", make: ErrNotImplemented },
  ERR_INTERNAL: { grpc: 13, text: "internal", make: ErrInternal },
  ERR_UNAVAILABLE: { grpc: 14, text: "unavailable", make: ErrUnavailable },
  ERR_DATA_LOSS: { grpc: 15, text: "data loss", make: ErrDataLoss },
  ERR_UNAUTHENTICATED: { grpc: 16, text: "unauthorized", make: ErrUnauthenticated },
};

const BY_GRPC = new Map(Object.values(BY_CODE).map((entry) => [entry.grpc, entry]));

/**
 * The gRPC status of `error`, as containerd's errgrpc makes it: the class decides the code, and the class's words end
 * the message exactly once. Anything that holds none of our errors is `UNKNOWN` with its own text.
 */
export function toGrpc(error: unknown): GrpcStatus {
  const found = findError(error);
  const message = messageOf(error);
  if (!found) return { code: BY_CODE.ERR_UNKNOWN.grpc, details: message };
  const entry = found.code === "ERR_NO_SUPPORT" ? BY_CODE.ERR_NOT_IMPLEMENTED : BY_CODE[found.code];
  if (entry.grpc === BY_CODE.ERR_UNKNOWN.grpc) return { code: entry.grpc, details: message };
  return { code: entry.grpc, details: withClassText(message, entry.text) };
}

/**
 * The error of a gRPC status, with what the caller knows beyond it. The class's words at the end of the message are taken
 * off once, so that a text does not grow on its way through several services. A code outside the list gives `ErrUnknown`.
 */
export function fromGrpc(status: GrpcStatus, details: ErrorDetails = {}): DrayageError {
  const entry = BY_GRPC.get(status.code) ?? BY_CODE.ERR_UNKNOWN;
  return new entry.make(withoutClassText(status.details, entry.text), details);
}

function withClassText(message: string, text: string): string {
  let words = message;
  while (words.endsWith(`: ${text}`)) words = withoutClassText(words, text);
  return words === "" || words === text ? text : `${words}: ${text}`;
}

function withoutClassText(message: string, text: string): string {
  const suffix = `: ${text}`;
  return message.endsWith(suffix) ? message.slice(0, -suffix.length) : message;
}
