import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http2";
import { CONTENT_TYPE, isGrpcType } from "../wire/content-type.ts";

/** What every response begins with. */
export const RESPONSE_HEADERS = {
  ":status": 200,
  "content-type": CONTENT_TYPE,
} as const satisfies OutgoingHttpHeaders;

/** The status of HTTP for a request that is no gRPC; `undefined` for one that is. */
export function refusal(headers: IncomingHttpHeaders): number | undefined {
  if (headers[":method"] !== "POST") return 405;
  return isGrpcType(headers["content-type"]) ? undefined : 415;
}
