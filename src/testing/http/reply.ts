import type { IncomingHttpHeaders } from "node:http";
import type { BlobContent } from "../storage/content.ts";
import type { Route } from "./route.ts";

/** A request as the handlers see it. */
export interface Call {
  readonly method: string;
  readonly route: Route;
  readonly headers: IncomingHttpHeaders;
  /** The `Range` header to honour; a fault may have changed it. */
  readonly range: string | undefined;
  /** Which of the registry's hosts was asked. */
  readonly host: "own" | "other";
  /** Body of the request. Stopping early leaves the connection usable. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** Headers of an answer; a list makes a header line per value. */
export type ReplyHeaders = Readonly<Record<string, string | readonly string[]>>;

/** Body of an answer. */
export interface ReplyBody {
  /** Size in bytes. */
  readonly size: number;
  chunks(): AsyncIterable<Uint8Array>;
}

/** An answer, before anything is sent. `content-length` is added from the body, unless it is to be left out. */
export interface Reply {
  readonly withoutLength?: boolean | undefined;
  readonly status: number;
  readonly headers: ReplyHeaders;
  readonly body?: ReplyBody | undefined;
}

/** Error codes of the OCI distribution-spec ("Error Codes") and their usual status. */
const ERROR_STATUS = {
  BLOB_UNKNOWN: 404,
  BLOB_UPLOAD_INVALID: 400,
  BLOB_UPLOAD_UNKNOWN: 404,
  DIGEST_INVALID: 400,
  MANIFEST_BLOB_UNKNOWN: 404,
  MANIFEST_INVALID: 400,
  MANIFEST_UNKNOWN: 404,
  NAME_INVALID: 400,
  NAME_UNKNOWN: 404,
  SIZE_INVALID: 400,
  UNAUTHORIZED: 401,
  DENIED: 403,
  UNSUPPORTED: 405,
  TOOMANYREQUESTS: 429,
  UNKNOWN: 500,
} as const;

/** Error codes that the registry answers with. */
export type RegistryErrorCode = keyof typeof ERROR_STATUS;

/** How `refuse` differs from the usual. */
export interface RefuseOptions {
  readonly status?: number;
  readonly headers?: ReplyHeaders;
  readonly detail?: unknown;
}

/** An error answer with the JSON body of the OCI distribution-spec ("Error Codes"). */
export function refuse(code: RegistryErrorCode, message: string, options: RefuseOptions = {}): Reply {
  const { status = ERROR_STATUS[code], headers = {}, detail } = options;
  return replyJson({ errors: [{ code, message, detail }] }, { status, headers });
}

/** An answer without a body. */
export function replyEmpty(status: number, headers: ReplyHeaders = {}): Reply {
  const hasLength = status >= 200 && status !== 204 && status !== 304;
  return { status, headers: hasLength ? { "content-length": "0", ...headers } : headers };
}

/** An answer with a JSON body. */
export function replyJson(value: unknown, options: { status?: number; headers?: ReplyHeaders } = {}): Reply {
  const { status = 200, headers = {} } = options;
  return {
    status,
    headers: { "content-type": "application/json", ...headers },
    body: bytesBody(Buffer.from(JSON.stringify(value))),
  };
}

/** A body from memory. */
export function bytesBody(bytes: Uint8Array): ReplyBody {
  return {
    size: bytes.byteLength,
    async *chunks() {
      if (bytes.byteLength > 0) yield bytes;
    },
  };
}

/** The part of a blob from `start` up to, not including, `end` as a body. */
export function contentBody(content: BlobContent, start: number, end: number): ReplyBody {
  return { size: end - start, chunks: () => content.read(start, end) };
}
