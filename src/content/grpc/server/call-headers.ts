import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http2";
import type { GrpcStatus } from "../../../errors/grpc.ts";

/** Media type of gRPC, with or without the name of a codec behind it. */
const CONTENT_TYPE = "application/grpc";

/** Units of the `grpc-timeout` header, in milliseconds. */
const UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

/** Longest time that a timer takes, in milliseconds. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** What every response begins with. */
export const RESPONSE_HEADERS = {
  ":status": 200,
  "content-type": "application/grpc+proto",
} as const satisfies OutgoingHttpHeaders;

/** The status of HTTP for a request that is no gRPC; `undefined` for one that is. */
export function refusal(headers: IncomingHttpHeaders): number | undefined {
  if (headers[":method"] !== "POST") return 405;
  const type = headers["content-type"] ?? "";
  const isGrpc =
    type === CONTENT_TYPE || type.startsWith(`${CONTENT_TYPE}+`) || type.startsWith(`${CONTENT_TYPE};`);
  return isGrpc ? undefined : 415;
}

/** How long the caller will wait, in milliseconds; `undefined` when it did not say or what it said is malformed. */
export function timeoutMs(headers: IncomingHttpHeaders): number | undefined {
  const [, amount, unit = ""] = /^(\d{1,8})([HMSmun])$/.exec(String(headers["grpc-timeout"] ?? "")) ?? [];
  if (amount === undefined) return undefined;
  return Math.min(Math.ceil(Number(amount) * (UNIT_MS[unit] ?? 1)), MAX_TIMER_MS);
}

/** A status as headers. Its text must be well-formed Unicode. */
export function statusHeaders({ code, details }: GrpcStatus): OutgoingHttpHeaders {
  const message = details.replaceAll(/[^ -$&-~]+/g, encodeURIComponent);
  return { "grpc-status": String(code), ...(message !== "" && { "grpc-message": message }) };
}
