import { constants, type IncomingHttpHeaders } from "node:http2";
import type { GrpcStatus } from "../../../errors/grpc.ts";
import { isGrpcType } from "../wire/content-type.ts";
import { UNKNOWN } from "../wire/status-headers.ts";

/** Codes of gRPC that are needed here (google.rpc.Code). */
const CANCELLED = 1;
const PERMISSION_DENIED = 7;
const RESOURCE_EXHAUSTED = 8;
const UNIMPLEMENTED = 12;
const INTERNAL = 13;
const UNAVAILABLE = 14;
const UNAUTHENTICATED = 16;

/** What an answer of HTTP means that no gRPC server gave (gRPC, "HTTP to gRPC Status Code Mapping"). */
const BY_HTTP_STATUS: Readonly<Record<number, number>> = {
  400: INTERNAL,
  401: UNAUTHENTICATED,
  403: PERMISSION_DENIED,
  404: UNIMPLEMENTED,
  429: UNAVAILABLE,
  502: UNAVAILABLE,
  503: UNAVAILABLE,
  504: UNAVAILABLE,
};

/** What the end of a stream without a status means, by its code (gRPC over HTTP/2, "Errors"); all others are `INTERNAL`. */
const BY_RESET_CODE: Readonly<Record<number, number>> = {
  [constants.NGHTTP2_REFUSED_STREAM]: UNAVAILABLE,
  [constants.NGHTTP2_CANCEL]: CANCELLED,
  [constants.NGHTTP2_ENHANCE_YOUR_CALM]: RESOURCE_EXHAUSTED,
  [constants.NGHTTP2_INADEQUATE_SECURITY]: PERMISSION_DENIED,
};

/** A call that ended with another status than OK, or without one. */
export class CallFailure extends Error implements GrpcStatus {
  override readonly name = "CallFailure";
  readonly code: number;
  readonly details: string;
  /** Whether the service surely did nothing: the same call may be made again on another connection. */
  readonly refused: boolean;

  constructor({ code, details }: GrpcStatus, { refused = false, ...options }: FailureOptions = {}) {
    super(`status ${code}: ${details}`, options);
    this.code = code;
    this.details = details;
    this.refused = refused;
  }
}

interface FailureOptions {
  readonly refused?: boolean;
  readonly cause?: unknown;
}

/** What the first headers of an answer mean that is none of gRPC; `undefined` for one that is. */
export function notGrpc(headers: IncomingHttpHeaders): GrpcStatus | undefined {
  const status = Number(headers[":status"]);
  if (status !== 200) {
    return { code: BY_HTTP_STATUS[status] ?? UNKNOWN, details: `got an answer with HTTP status ${status}` };
  }
  const type = headers["content-type"];
  if (isGrpcType(type)) return undefined;
  return { code: UNKNOWN, details: `got an answer of type ${JSON.stringify(type ?? "")}, want gRPC` };
}

/** A stream that ended with this code and without a status. */
export function resetFailure(code: number): CallFailure {
  const refused = code === constants.NGHTTP2_REFUSED_STREAM;
  const details = `the stream ended without a status, with code ${code} of HTTP/2`;
  return new CallFailure({ code: BY_RESET_CODE[code] ?? INTERNAL, details }, { refused });
}

/** A connection that broke while the call was under way. */
export function lostFailure(cause: Error | undefined): CallFailure {
  const details = `the connection was lost${cause ? `: ${cause.message}` : ""}`;
  return new CallFailure({ code: UNAVAILABLE, details }, { cause });
}

/** A call that could not begin, because the connection was closed between two moments. */
export function closedFailure(cause: unknown): CallFailure {
  return new CallFailure(
    { code: UNAVAILABLE, details: "the connection is closing" },
    { refused: true, cause },
  );
}
