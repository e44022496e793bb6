import { bytesBody, type Reply, replyEmpty } from "../http/reply.ts";
import type { RequestRecord } from "../http/request-record.ts";
import type { FaultAction } from "./fault.ts";

/** Status of a scripted redirect that does not name one. */
const REDIRECT_STATUS = 307;

/** The answer that a fault gives in place of the registry's, if it does. */
export function scriptedReply(action: FaultAction, record: RequestRecord): Reply | undefined {
  const { status, redirect, headers, body } = action;
  if (redirect !== undefined) {
    const location = typeof redirect === "string" ? redirect : redirect(record);
    return replyEmpty(status ?? REDIRECT_STATUS, { ...headers, location });
  }
  if (status === undefined) return undefined;
  if (body === undefined) return replyEmpty(status, headers);
  return {
    status,
    headers: { "content-type": contentType(body), ...headers },
    body: bytesBody(encode(body)),
  };
}

function contentType(body: string | Uint8Array | object): string {
  if (typeof body === "string") return "text/plain; charset=utf-8";
  return body instanceof Uint8Array ? "application/octet-stream" : "application/json";
}

function encode(body: string | Uint8Array | object): Uint8Array {
  if (body instanceof Uint8Array) return body;
  return Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
}

/** The `Range` header that the registry is made to honour. */
export function scriptedRange(action: FaultAction, range: string | undefined): string | undefined {
  if (action.ignoreRange) return undefined;
  if (!action.wrongRange) return range;
  return range?.replace(
    /^bytes=(\d+)/,
    (_, start: string) => `bytes=${start === "0" ? 1 : Number(start) - 1}`,
  );
}
