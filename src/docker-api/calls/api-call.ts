import type { IncomingMessage, ServerResponse } from "node:http";
import { isJsonObject, type JsonObject } from "../../oci/json-object.ts";
import type { ApiEngine } from "../api-engine.ts";
import { badParameter, Refusal } from "../http/refusal.ts";

/** Longest JSON document that a client may send, in bytes: credentials, the largest of them, take a few KiB. */
const MAX_JSON_BYTES = 1024 * 1024;

/** One call of a client, on its way to an answer. */
export interface ApiCall {
  readonly engine: ApiEngine;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** What of the path the route leaves open, decoded: an image's name. */
  readonly subject: string;
  readonly query: URLSearchParams;
  /** Fires when the client has left, or the server waits no longer. */
  readonly signal: AbortSignal;
  /** Fires when the server takes no more calls: what only waits for things to happen ends then. */
  readonly closing: AbortSignal;
}

/** Answers a call. What it throws becomes the answer as long as none was begun. */
export type Handler = (call: ApiCall) => Promise<void> | void;

/** Whether a parameter is switched on, as Go's handlers read it: anything but empty, `0`, `no`, `false`, `none`. */
export function isSet({ query }: Pick<ApiCall, "query">, name: string): boolean {
  const value = (query.get(name) ?? "").trim().toLowerCase();
  return !["", "0", "no", "false", "none"].includes(value);
}

/** The JSON object that a client has sent. Throws `Refusal` for anything else, and for one that is too long. */
export async function readJson({ request }: Pick<ApiCall, "request">): Promise<JsonObject> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength;
    if (bytes > MAX_JSON_BYTES) throw new Refusal(413, `got more than ${MAX_JSON_BYTES} bytes of JSON`);
    chunks.push(chunk);
  }
  return parseObject(Buffer.concat(chunks).toString(), "body");
}

/** A JSON object in a parameter or body. Throws `Refusal`. */
export function parseObject(text: string, what: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text);
    if (isJsonObject(value)) return value;
  } catch {} // it is refused below
  throw badParameter(`invalid ${what}: got no JSON object`);
}
