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

/**
 * How a call came to its failure. `told`: the service said so, in its own words. `refused`: the service surely did nothing.
 * `lost`: the connection broke, and nobody knows how far the service came. `unexplained`: the answer was none of gRPC, or
 * ended without a status.
 */
export type FailureKind = "told" | "refused" | "lost" | "unexplained";

/** A call that ended with another status than OK, or without one. */
export class CallFailure extends Error implements GrpcStatus {
  override readonly name = "CallFailure";
  readonly code: number;
  readonly details: string;
  readonly kind: FailureKind;

  constructor({ code, details }: GrpcStatus, kind: FailureKind, cause?: unknown) {
    super(`status ${code}: ${details}`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.details = details;
    this.kind = kind;
  }
}

/** What the first headers of an answer mean that is none of gRPC; `undefined` for one that is. */
export function notGrpcFailure(headers: IncomingHttpHeaders): CallFailure | undefined {
  const status = Number(headers[":status"]);
  if (status !== 200) {
    const code = BY_HTTP_STATUS[status] ?? UNKNOWN;
    return new CallFailure({ code, details: `got an answer with HTTP status ${status}` }, "unexplained");
  }
  const type = headers["content-type"];
  if (isGrpcType(type)) return undefined;
  const details = `got an answer of type ${JSON.stringify(type ?? "")}, want gRPC`;
  return new CallFailure({ code: UNKNOWN, details }, "unexplained");
}

/** A stream that ended with this code and without a status. */
export function resetFailure(code: number): CallFailure {
  const kind = code === constants.NGHTTP2_REFUSED_STREAM ? "refused" : "unexplained";
  const details = `the stream ended without a status, with code ${code} of HTTP/2`;
  return new CallFailure({ code: BY_RESET_CODE[code] ?? INTERNAL, details }, kind);
}

/** A connection that broke while the call was under way. */
export function lostFailure(cause: Error | undefined): CallFailure {
  const details = `the connection was lost${cause ? `: ${cause.message}` : ""}`;
  return new CallFailure({ code: UNAVAILABLE, details }, "lost", cause);
}

/** A call that could not begin, because the connection was closed between two moments. */
export function closedFailure(cause: unknown): CallFailure {
  return new CallFailure({ code: UNAVAILABLE, details: "the connection is closing" }, "refused", cause);
}

/** An answer that ended without a status. */
export function noStatusFailure(): CallFailure {
  return new CallFailure({ code: UNKNOWN, details: "the answer ended without a status" }, "unexplained");
}
