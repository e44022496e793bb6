import { type Reply, type ReplyBody, type ReplyHeaders, replyJson } from "../http/reply.ts";

/** What every answer of a version 1 registry says; it knows nothing of the distribution API. */
const HEADERS: ReplyHeaders = {
  "cache-control": "no-cache",
  "docker-distribution-api-version": [],
  expires: "-1",
  pragma: "no-cache",
  "x-docker-registry-version": "0.9.1",
};

/** An answer with a JSON body. */
export function replyV1(value: unknown, headers: ReplyHeaders = {}, status = 200): Reply {
  return replyJson(value, { status, headers: { ...HEADERS, ...headers } });
}

/** An answer with a body as it is. */
export function replyV1Body(body: ReplyBody, headers: ReplyHeaders, status = 200): Reply {
  return { status, headers: { ...HEADERS, ...headers }, body };
}

/** An error with its words. */
export function refuseV1(status: number, error: string, headers: ReplyHeaders = {}): Reply {
  return replyV1({ error }, headers, status);
}
